"""Sending the outbox's text messages through Twilio, whose refusals decide what becomes of them."""

from __future__ import annotations

from datetime import datetime

import structlog

from otto.scheduling.outbox import DeliveryError, Undeliverable
from otto.scheduling.texts.texts import SendMessage, Unsubscribed, WasSent
from otto.telephony.rest import UNSUBSCRIBED, TwilioRest, TwilioRestError

log = structlog.get_logger()

UNCLEAR_S = 15.0
"""After a request whose end nobody knows, until Twilio is asked whether it took it: longer than
such a request may still be under way."""


def text_sender(twilio: TwilioRest) -> SendMessage:
    """Sends a text, once. Raises `Undeliverable` for one that Twilio will never take."""

    async def send(to: str, body: str) -> None:
        try:
            await twilio.send_message(to, body)
        except TwilioRestError as error:
            raise _what_becomes_of_it(error) from None

    return send


def text_finder(twilio: TwilioRest) -> WasSent:
    """Whether Twilio has a text already. Its API knows no key by which a repeated request is the
    same one (the header I-Twilio-Idempotency-Token is for its webhooks' receivers:
    https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides), so it is asked.

    Raises `DeliveryError` while it does not answer: nothing is sent on a guess. Where it refuses
    to be asked, a customer without their text is worse than one with two.
    """

    async def was_sent(to: str, body: str, since: datetime) -> bool:
        try:
            return await twilio.has_sent(to, body, since)
        except TwilioRestError as error:
            if error.is_retryable:
                raise _what_becomes_of_it(error) from None
            log.warning("texts_cannot_be_listed", error=error.code or error.status)
            return False

    return was_sent


def _what_becomes_of_it(error: TwilioRestError) -> DeliveryError:
    code = f"twilio_{error.code or error.status}"
    if error.is_retryable:
        return DeliveryError(code, 0.0 if error.was_refused else UNCLEAR_S)
    return Unsubscribed(code) if error.code == UNSUBSCRIBED else Undeliverable(code)
