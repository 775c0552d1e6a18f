"""Characters and lengths as columns take them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otto.language.characters import shortened, storable_key

any_text = st.text(st.characters(exclude_categories=()), max_size=80)
"""Lone surrogates and NUL included, which `st.text()` leaves out."""


@pytest.mark.parametrize(
    ("key", "stored"),
    [("CA1:slot", "CA1:slot"), ("", ""), ("x" * 200, "x" * 200), ("Bärbel 🚗", "Bärbel 🚗")],
)
def test_a_key_that_fits_stays_as_it_is(key: str, stored: str) -> None:
    assert storable_key(key, 200) == stored


def test_keys_that_are_cut_do_not_collide() -> None:
    long = "x" * 200
    keys = [long, f"{long}a", f"{long}b", f"{long}\x00", f"{long}\ud800", f"{long}\ud801"]
    stored = [storable_key(key, 200) for key in keys]
    assert len(set(stored)) == len(keys)
    assert all(len(key) == 200 for key in stored)
    assert stored == [storable_key(key, 200) for key in keys], "the same again"


@given(any_text, any_text, st.integers(40, 60))
def test_of_any_two_keys(one: str, other: str, length: int) -> None:
    stored = storable_key(one, length)
    stored.encode()
    assert "\x00" not in stored and len(stored) <= length
    assert (stored == storable_key(other, length)) == (one == other)


@given(any_text, st.integers(1, 20))
def test_any_text_is_shortened(text: str, length: int) -> None:
    short = shortened(text, length)
    short.encode()
    assert "\x00" not in short and len(short) <= length
    assert short in ("", "…") or text.strip()


def test_what_is_cut_is_seen_to_be() -> None:
    assert shortened(f" {'a' * 501}", 500) == f"{'a' * 499}…"
    assert shortened(f"{'a' * 500} ", 500) == "a" * 500
