"""Openings as they are offered in a call: under opaque ids, and for as long as they are open.

What is taken was offered in this call; whether the caller agreed to it is told by `consent.py`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from otto.dialogue.session.state import Offer, OfferLine, Session
from otto.dialogue.tools.outcome import Pinned
from otto.dialogue.tools.results import Result, ToolFault
from otto.language.spoken_times import describe_start
from otto.scheduling.openings import Opening, OpeningLine


def offered(session: Session, openings: Iterable[Opening], zone: ZoneInfo) -> list[Result]:
    """Offer them: what the model is told of each. One that was offered before keeps its id, and
    the answer that the caller has given to it."""
    listed = []
    for opening in openings:
        made = Offer(
            slot_id=f"s-{secrets.token_hex(3)}",
            lines=tuple(_kept(line) for line in opening.lines),
            starts_at=opening.starts_at.isoformat(),
            ends_at=opening.ends_at.isoformat(),
            when=describe_start(opening.starts_at, zone),
            caller_turn=session.caller_turns,
            transport=opening.transport,
            change=session.changes,
        )
        known = next((each for each in session.offers.values() if _is_same(each, made)), None)
        if known is not None:
            made = replace(known, lines=made.lines)
        session.offers[made.slot_id] = made
        listed.append({"slot_id": made.slot_id, "when": made.when})
        if made.transport != "drop_off":
            listed[-1]["transport"] = made.transport
    return listed


def known_offer(pinned: Pinned, slot_id: str) -> Offer:
    """The offer of that id. Raises `ToolFault`."""
    found = pinned.offers.get(slot_id)
    if found is None:
        raise ToolFault("This slot was not offered in this call. Use find_openings again.")
    return found


def opening_of(offer: Offer, location_id: str) -> Opening:
    """What was offered."""
    return Opening(
        location_id=location_id,
        starts_at=datetime.fromisoformat(offer.starts_at),
        ends_at=datetime.fromisoformat(offer.ends_at),
        lines=tuple(
            OpeningLine(
                line.service_code,
                line.bay_id,
                datetime.fromisoformat(line.starts_at),
                datetime.fromisoformat(line.ends_at),
                datetime.fromisoformat(line.free_at),
            )
            for line in offer.lines
        ),
        transport=offer.transport,
    )


def wish_key(offer: Offer, *parts: object) -> str:
    """The idempotency key of what is wanted with an offer: the same wish has the same one, whoever
    asks again. `parts` say what is wanted, and by whom."""
    wish = [*map(str, parts), offer.starts_at, "+".join(offer.service_codes)]
    wish += [offer.transport] if offer.transport != "drop_off" else []
    return ":".join([*wish, *([str(offer.change)] if offer.change else [])])


def met(session: Session, key: str) -> None:
    """The wish with this key was met."""
    if key not in session.done:
        session.done.append(key)


def withdraw(session: Session, offer: Offer, status: str) -> None:
    """It is an opening no more: results that list it must not offer it again."""

    def truth(name: str, result: Result) -> Result | None:
        openings = result.get("openings", ())
        if not any(opening["slot_id"] == offer.slot_id for opening in openings):
            return None
        marked = [
            {**opening, "status": status} if opening["slot_id"] == offer.slot_id else opening
            for opening in openings
        ]
        return {**result, "openings": marked}

    session.history.correct(truth)


def forget_start(session: Session, starts_at: str) -> None:
    """The caller has given a time up that they had: what was offered then is to be found anew."""
    for made in [*session.offers.values()]:
        if made.starts_at == starts_at:
            del session.offers[made.slot_id]
            withdraw(session, made, "given_up")


def _kept(line: OpeningLine) -> OfferLine:
    return OfferLine(
        line.service_code,
        line.bay_id,
        line.starts_at.isoformat(),
        line.ends_at.isoformat(),
        line.free_at.isoformat(),
    )


def _is_same(one: Offer, other: Offer) -> bool:
    wished = [(each.starts_at, each.service_codes, each.transport) for each in (one, other)]
    return wished[0] == wished[1]
