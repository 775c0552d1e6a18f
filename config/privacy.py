"""How long what people said and left is kept, and what they are told about it."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from config.environment import SettingsGroup


class RetentionSettings(SettingsGroup):
    """Days after which it is removed; 0: kept until somebody erases it."""

    model_config = SettingsConfigDict(env_prefix="OTTO_RETENTION_")

    transcripts_days: int = Field(90, ge=0)
    """What was said in a call, and from which number; that there was a call stays known."""
    callbacks_days: int = Field(90, ge=0)
    """Wishes to be called back, done or not, and those that the database refused."""
    outbox_days: int = Field(30, ge=0)
    """Word for Google and text messages that were delivered (ids alone: what they said goes with
    the delivery), and texts that never will be; both counted from the end of their appointment."""
