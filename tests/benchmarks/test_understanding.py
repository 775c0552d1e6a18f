"""The page about understanding says what the code understands, and that is enough."""

from benchmarks.understanding.__main__ import LEAST_EXACT, MOST_WRONG, PAGE, fill, judged, table
from benchmarks.understanding.resolvers import RESOLVERS, Judged


def test_the_page_is_up_to_date_and_the_bounds_are_kept() -> None:
    text, wrong, exact = table(judged())
    page = PAGE.read_text(encoding="utf-8")
    assert fill(page, text) == page, "run `make understanding`"
    assert wrong <= MOST_WRONG
    assert exact >= LEAST_EXACT


def test_a_resolver_that_says_something_else_is_found_out() -> None:
    """A judge that calls everything exact would prove nothing."""
    for resolver in RESOLVERS:
        others = {"yes": "no", "no": "yes", "agrees": "declines", "declines": "agrees"}
        outcomes = [
            resolver.judge((*said, others.get(right, "something else")))
            for (*said, right), _ in resolver.results()
        ]
        assert outcomes.count(Judged.EXACT) < len(outcomes) / 2, resolver.name
