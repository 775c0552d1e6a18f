"""The calendar's errors cross processes: the caller of an actor must get the same error back."""

from __future__ import annotations

import pickle

import pytest

from otto.scheduling.service import BookingRefused, SchedulingError, SlotTaken


@pytest.mark.parametrize("error", [SlotTaken(), BookingRefused("too_soon", "That is too soon.")])
def test_an_error_is_the_same_after_a_journey(error: SchedulingError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (again.code, again.sentence, str(again)) == (error.code, error.sentence, str(error))
