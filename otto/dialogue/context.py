"""What a conversation is given: what all calls share, and the workers that serve this one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from config.clock import utc_now
from config.dealership import Dealership, Location
from config.settings import CallSettings
from otto.dialogue.flow.prompt_files import Prompts, shipped_prompts
from otto.dialogue.ports import LanguageModel, Recogniser, Synthesiser
from otto.dialogue.prompts import Phrases
from otto.dialogue.session.store import Sessions
from otto.dialogue.tools.ports import Calendar, Crm


@dataclass(frozen=True, slots=True)
class Workers:
    """The three that serve one call."""

    recogniser: Recogniser
    synthesiser: Synthesiser
    language_model: LanguageModel


@dataclass(frozen=True, slots=True)
class CallContext:
    """What all calls share."""

    dealership: Dealership
    location: Location
    phrases: Phrases
    settings: CallSettings
    calendar: Calendar
    crm: Crm
    sessions: Sessions
    sub_actors: str
    """How the workers run, for the record: "ray" or "inline"."""
    now: Callable[[], datetime] = utc_now
    prompts: Prompts = field(default_factory=shipped_prompts)
    """What the model is told."""
