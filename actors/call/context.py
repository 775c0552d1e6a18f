"""What all calls of one call actor share, made from its settings."""

from __future__ import annotations

from config.dealership import Dealership
from config.settings import Settings
from otto.dialogue.context import CallContext
from otto.dialogue.flow.prompt_files import load_prompts
from otto.dialogue.prompts import Phrases
from otto.dialogue.session.store import Sessions
from otto.dialogue.tools.ports import Calendar, Crm


def call_context(
    settings: Settings, dealership: Dealership, sessions: Sessions, calendar: Calendar, crm: Crm
) -> CallContext:
    """The dealership, what is said and told, and the stores. Raises `PromptError`."""
    location = dealership.location(settings.location)
    return CallContext(
        dealership=dealership,
        location=location,
        phrases=Phrases(
            dealership,
            settings.call.transcript_notice,
            location.id,
            spanish=settings.call.spanish,
        ),
        settings=settings.call,
        calendar=calendar,
        crm=crm,
        sessions=sessions,
        sub_actors=settings.pool.sub_actors,
        prompts=load_prompts(settings.prompts_dir),
    )
