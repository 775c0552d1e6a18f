"""What a tool begins with and what it comes to: it never writes into the session itself.

A tool may take longer than the answer waits for it, and the call goes on meanwhile: another turn,
another number looked up, a person connected. So what it begins with is *pinned*, and what it
comes to is applied only while the session is still as it was found::

    session ──pin──▶ tool ······(the stores)······▶ Outcome ──in time──▶ change(session)
                                                        └────too late───▶ late(session)

Too late, nothing of it enters the session but what has happened in the world and cannot be taken
back: a booking stands, whoever waits for it. That is `late`; a tool that names none leaves
nothing behind.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self

from otto.dialogue.exchange import Exchange
from otto.dialogue.session.state import AppointmentRef, Identity, Offer, Session, VehicleRef
from otto.dialogue.tools.arguments import Arguments
from otto.dialogue.tools.results import Result, ToolFault, error
from otto.language.phone import caller_number, said_number

TOO_LATE = "This came too late and was left out. Call the tool again if it is still wanted."


@dataclass(frozen=True, slots=True)
class Pinned:
    """The session as a tool found it: all that a tool knows of the call."""

    call_sid: str
    caller: str
    identity: Identity
    customer_id: int | None
    phone: str
    caller_turns: int
    vehicles: tuple[VehicleRef, ...]
    offers: Mapping[str, Offer]
    appointments: Mapping[str, AppointmentRef]
    callback_requested: bool
    is_forged: bool
    said: str
    proved: str
    lacks_proof: bool
    exchange: Exchange
    """What was heard of Otto, and answered, up to the caller's last turn."""
    agreed: frozenset[str]
    done: frozenset[str]
    is_again: bool
    """Whether the tool took too long for somebody before, and may have gone through."""

    @classmethod
    def of(cls, session: Session, call_id: str = "") -> Self:
        return cls(
            call_sid=session.call_sid,
            caller=session.caller,
            identity=session.identity,
            customer_id=session.customer_id,
            phone=session.phone,
            caller_turns=session.caller_turns,
            vehicles=tuple(session.vehicles),
            offers=MappingProxyType(dict(session.offers)),
            appointments=MappingProxyType({each.ref: each for each in session.appointments}),
            callback_requested=session.callback_requested,
            is_forged=session.is_forged,
            said=session.said,
            proved=session.proved,
            lacks_proof=session.lacks_proof,
            exchange=Exchange.of(session.history.entries),
            agreed=frozenset(session.agreed),
            done=frozenset(session.done),
            is_again=any(each["id"] == call_id for each in session.outstanding),
        )

    @property
    def own_number(self) -> str | None:
        """The number that calls, E.164; None when it is withheld, or the network says that it is
        not theirs."""
        return None if self.is_forged else caller_number(self.caller)

    def has(self, number: str) -> bool:
        """Whether the number is known to be the caller's: they call from it, or have proved it."""
        return number in {self.own_number, self.proved}

    @property
    def whose(self) -> tuple[Identity, int | None, str, int]:
        """Who the caller is taken for, and in which of their turns."""
        return self.identity, self.customer_id, self.phone, self.caller_turns

    def holds(self, session: Session) -> bool:
        """Whether the session is still about the same person, in the same turn of theirs."""
        return self.whose == Pinned.of(session).whose

    def number(self, given: str | None) -> str:
        """The number the caller has given, or else calls from, E.164. Raises `PhoneError` and
        `ToolFault`."""
        number = said_number(given, self.caller)
        if number is None:
            raise ToolFault(
                "Their telephone shows no number that can be called. Ask the caller for one."
            )
        return number

    def vehicle(self, ref: str | None) -> VehicleRef | None:
        """The vehicle under `ref`; with no ref, the only one there is."""
        if ref is None:
            return self.vehicles[0] if len(self.vehicles) == 1 else None
        return next((vehicle for vehicle in self.vehicles if vehicle.ref == ref), None)


@dataclass(frozen=True, slots=True)
class Late:
    """What is left of an outcome that nobody waited for.

    `result` is true now, and stands in the history in place of "this is taking too long".
    `sentence` is for the caller, who was told that it might still go through; "" when there is
    nothing to be told.
    """

    result: Result
    sentence: str = ""


def left_out(session: Session) -> Late:
    """Nothing of it counts."""
    return Late(error(advice=TOO_LATE))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a tool has come to. Nothing of it is in the session yet; see the module."""

    change: Callable[[Session], Result]
    """Applies it, and returns what the model is told."""
    late: Callable[[Session], Late] = left_out


def told(result: Result) -> Outcome:
    """An outcome that changes nothing."""
    return Outcome(lambda session: result)


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. `failed_late` is what the caller is told when it failed after it had been said
    that it might still go through; "" when nothing was promised."""

    arguments: type[Arguments]
    run: Callable[[Pinned, Any], Awaitable[Outcome]]
    failed_late: str = ""


@dataclass(frozen=True, slots=True)
class Finished:
    """A tool that has come to its end, with what it began with."""

    pinned: Pinned
    outcome: Outcome

    def settle(self, session: Session) -> Result:
        """Apply it in time; what the model is told. A session that has gone on gets what is left
        of it."""
        if self.pinned.holds(session):
            return self.outcome.change(session)
        return self.outcome.late(session).result
