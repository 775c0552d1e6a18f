"""What an event in a bay's calendar means for the book. Pure rules: no clock, no database, no
Google.

    staff's own event    takes time    a block                      else no block
    ours, still as written             nothing: an echo, or our next write is on its way
    ours, moved          is over       a block: what is past is not booked again
                         agreed        nothing: it is where the book has it
                         on what the book says now       a wish to move
                         on what the book said before    put back: the earlier commit wins
    ours, deleted        is over, or not the book's any more       nothing
                         stands on another bay's calendar          as moved there
                         on what the book says now                 the appointment is cancelled
                         on what the book said before              put back
    ours, of an appointment that is cancelled                      a block, and shown
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from otto.scheduling.google.seen_events import Place, SeenEvent
from otto.scheduling.hours import Period

CHANGED_MEANWHILE = "changed_meanwhile"
NO_TIME = "no_time"


@dataclass(frozen=True, slots=True)
class BookedLine:
    """A line of an appointment as the book has it now. Its event lies at `place`."""

    appointment_id: UUID
    event_id: str
    place: Place
    status: str
    """The appointment's: booked, arrived, completed, no_show or cancelled."""
    moved_by: str
    """Who said last when it is: caller, staff or otto."""
    is_told: bool = True
    """Whether nothing waits to be told to Google about it."""

    @property
    def stands(self) -> bool:
        return self.status in ("booked", "arrived")


@dataclass(frozen=True, slots=True)
class Nothing:
    """The book and the calendar agree, or will by themselves."""


@dataclass(frozen=True, slots=True)
class Block:
    """The bay is not to be booked then. `restored`: it is the event of an appointment that was
    cancelled, so that a person has to look at it."""

    period: Period
    restored: BookedLine | None = None


@dataclass(frozen=True, slots=True)
class NoBlock:
    """The event takes no time of the bay, whatever it did before."""


@dataclass(frozen=True, slots=True)
class Move:
    """Staff want the line at another time, or in another bay."""

    line: BookedLine
    to: Place


@dataclass(frozen=True, slots=True)
class Cancel:
    """Staff have deleted it, and it stands nowhere else: the appointment is off."""

    line: BookedLine


@dataclass(frozen=True, slots=True)
class PutBack:
    """The event has to be again what the book says. `code`: why."""

    line: BookedLine
    code: str


Meaning = Nothing | Block | NoBlock | Move | Cancel | PutBack


def meaning(event: SeenEvent, line: BookedLine | None, now: datetime) -> Meaning:
    """What to do about `event`. `line` is the line whose event it is, None for an event of staff's
    own. A deleted one is one that stands on none of the bays' calendars."""
    if line is None:
        return _of_staff(event)
    if line.status == "cancelled":
        return _of_cancelled(event, line)
    if not line.stands or line.place.period.ends_at <= now:
        return _of_over(event, line)
    if event.is_cancelled:
        if event.calendar_id != line.place.calendar_id or event.event_id != line.event_id:
            return Nothing()  # it has left that calendar with the book's knowledge
        return Cancel(line) if _is_on_top(event, line) else PutBack(line, CHANGED_MEANWHILE)
    if event.place == line.place or event.is_as_written:
        return Nothing()
    if event.place is None:
        return PutBack(line, NO_TIME)
    return Move(line, event.place) if _is_on_top(event, line) else PutBack(line, CHANGED_MEANWHILE)


def _of_staff(event: SeenEvent) -> Meaning:
    if event.takes_time and event.period is not None:
        return Block(event.period)
    return NoBlock()


def _of_over(event: SeenEvent, line: BookedLine) -> Meaning:
    """What is over stays; whoever moves its event on wants the time for something else."""
    return NoBlock() if event.place == line.place or event.is_as_written else _of_staff(event)


def _of_cancelled(event: SeenEvent, line: BookedLine) -> Meaning:
    if event.is_cancelled or event.is_as_written or event.period is None:
        return NoBlock()  # gone, or our deletion is on its way
    return Block(event.period, line)


def _is_on_top(event: SeenEvent, line: BookedLine) -> bool:
    """Whether who edited the event saw what the book says now. One edit of staff's may follow the
    other before we have written anything; of a deleted event there may be nothing left to see."""
    if line.moved_by == "staff":
        return True
    return line.is_told if event.written is None else event.written == line.place
