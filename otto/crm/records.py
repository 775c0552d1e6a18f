"""What a call leaves behind: the record of it, and the wish to be called back.

Both can be put into words of JSON, because both may have to wait for the database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal, Self


@dataclass(frozen=True, slots=True)
class TurnLine:
    """One turn of a finished call. `latency`: milliseconds by stage."""

    index: int
    speaker: Literal["caller", "otto", "tool"] | str
    text: str
    heard_text: str | None
    latency: dict[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class CallRecord:
    """What is kept of a call."""

    call_sid: str
    from_number: str | None
    to_number: str | None
    direction: Literal["inbound", "outbound"] | str
    outcome: str | None
    started_at: datetime
    ended_at: datetime | None
    customer_id: int | None = None
    sub_actors: str | None = None
    turns: Sequence[TurnLine] = field(default=())
    summary: str | None = None
    """What the service desk was told of the call, in a sentence; None: nobody was."""
    prompt_version: str | None = None
    """Of the files that told the model how to do its job."""

    def dump(self) -> dict[str, Any]:
        """JSON-ready data."""
        data = asdict(self)
        data["started_at"] = self.started_at.isoformat()
        data["ended_at"] = self.ended_at.isoformat() if self.ended_at else None
        data["turns"] = [{**asdict(turn), "at": turn.at.isoformat()} for turn in self.turns]
        return data

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `dump`."""
        ended_at = data["ended_at"]
        turns = tuple(
            TurnLine(**{**turn, "at": datetime.fromisoformat(turn["at"])}) for turn in data["turns"]
        )
        times = {
            "started_at": datetime.fromisoformat(data["started_at"]),
            "ended_at": datetime.fromisoformat(ended_at) if ended_at else None,
        }
        return cls(**{**data, **times, "turns": turns})


@dataclass(frozen=True, slots=True)
class OptOut:
    """A number, E.164, that is not to be called or texted again, at its owner's word."""

    phone: str
    source: str
    """How it came to be known, such as "voice"; no personal data."""

    def dump(self) -> dict[str, Any]:
        """JSON-ready data."""
        return asdict(self)

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `dump`."""
        return cls(**data)


@dataclass(frozen=True, slots=True)
class Callback:
    """Somebody whom a person shall call back. `phone` is E.164; `key` makes it one wish."""

    key: str
    phone: str
    reason: str
    call_sid: str | None
    promised_at: datetime | None = None
    """From when on they were told to expect it, aware; None: as soon as possible."""

    def dump(self) -> dict[str, Any]:
        """JSON-ready data."""
        promised_at = self.promised_at.isoformat() if self.promised_at else None
        return asdict(self) | {"promised_at": promised_at}

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `dump`; also of one of a release that promised no times."""
        promised_at = data.get("promised_at")
        at = datetime.fromisoformat(promised_at) if promised_at else None
        return cls(**{**data, "promised_at": at})
