"""What is kept of a call: turns as they happen, and the record at the end."""

from __future__ import annotations

from datetime import datetime

from otto.crm.records import CallRecord, TurnLine
from otto.dialogue.session.state import Session, TurnRecord


def note_turn(
    session: Session,
    at: datetime,
    speaker: str,
    text: str,
    heard: str,
    latency: dict[str, float] | None = None,
) -> None:
    """Add a turn to the session; `latency` in milliseconds, as in `TurnRecord`."""
    turns = session.turns
    turns.append(TurnRecord(len(turns), speaker, text, heard, at.isoformat(), latency or {}))


def call_record(
    session: Session, ended_at: datetime, sub_actors: str, prompt_version: str
) -> CallRecord:
    """The call as the database keeps it; of one whose caller refused a transcript, only how long
    each turn took."""
    return CallRecord(
        call_sid=session.call_sid,
        direction="inbound",
        from_number=session.caller,
        to_number=session.called,
        outcome=session.outcome,
        started_at=datetime.fromisoformat(session.started_at),
        ended_at=ended_at,
        customer_id=session.customer_id if session.identity.trusted else None,
        sub_actors=sub_actors,
        prompt_version=prompt_version,
        summary=None if session.transcript_refused else session.summary or None,
        turns=tuple(
            TurnLine(
                index=turn.index,
                speaker=turn.speaker,
                text="" if session.transcript_refused else turn.text,
                heard_text="" if session.transcript_refused else turn.heard,
                latency=turn.latency,
                at=datetime.fromisoformat(turn.at),
            )
            for turn in session.turns
        ),
    )
