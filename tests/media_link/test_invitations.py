"""Tokens of the media link: whatever happens in whatever order, one opens one role, once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from otto.media_link.frames import Role
from otto.media_link.invitations import Invitations

LINKS = ("CA1", "CA2")
ROLES = st.sampled_from(list(Role))
step = st.one_of(
    st.tuples(st.just("mint"), st.sampled_from(LINKS), ROLES),
    st.tuples(st.just("redeem"), st.integers(0, 30), ROLES),
    st.tuples(st.just("void"), st.sampled_from(LINKS), st.none() | ROLES),
    st.tuples(st.just("wait"), st.floats(0, 20), st.none()),
)


@given(st.lists(step, max_size=40))
def test_a_token_opens_one_role_of_one_link_once_and_while_it_is_the_latest(
    steps: list[tuple[object, ...]],
) -> None:
    invitations: Invitations[str] = Invitations()
    given: list[tuple[str, str, Role, float]] = []
    good: dict[tuple[str, Role], str] = {}
    now_s = 0.0
    for what, first, role in steps:
        if what == "mint":
            assert isinstance(first, str) and isinstance(role, Role)
            token = invitations.mint(first, role, now_s + 10)
            given.append((token, first, role, now_s + 10))
            good[first, role] = token
        elif what == "redeem" and given:
            assert isinstance(first, int) and isinstance(role, Role)
            token, link, of_role, until_s = given[first % len(given)]
            is_good = good.get((link, of_role)) == token and role is of_role and now_s < until_s
            assert invitations.redeem(token, role, now_s) == (link if is_good else None)
            if good.get((link, of_role)) == token and role is of_role:
                del good[link, of_role]
        elif what == "void":
            assert isinstance(first, str)
            invitations.void(first, role if isinstance(role, Role) else None)
            for key in [each for each in good if each[0] == first and role in (None, each[1])]:
                del good[key]
        elif what == "wait":
            assert isinstance(first, float)
            now_s += first
        assert len(invitations) <= len(LINKS) * len(Role), "nothing piles up"
    assert len({token for token, *_ in given}) == len(given)


@given(
    st.none()
    | st.text()
    | st.integers()
    | st.lists(st.text())
    | st.dictionaries(st.text(), st.text())
)
def test_whatever_is_sent_as_a_token_opens_nothing(token: object) -> None:
    invitations: Invitations[str] = Invitations()
    invitations.mint("CA1", Role.CONTROL, 10.0)
    for role in Role:
        assert invitations.redeem(token, role, 0.0) is None
    assert len(invitations) == 1
