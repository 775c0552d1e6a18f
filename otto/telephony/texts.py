"""Sending the outbox's text messages through Twilio, whose refusals decide what becomes of them."""

from __future__ import annotations

from otto.scheduling.outbox import DeliveryError, Undeliverable
from otto.scheduling.texts import SendMessage, Unsubscribed
from otto.telephony.rest import UNSUBSCRIBED, TwilioRest, TwilioRestError


def text_sender(twilio: TwilioRest) -> SendMessage:
    """Sends a text, once. Raises `Undeliverable` for one that Twilio will never take."""

    async def send(to: str, body: str) -> None:
        try:
            await twilio.send_message(to, body)
        except TwilioRestError as error:
            raise _what_becomes_of_it(error) from None

    return send


def _what_becomes_of_it(error: TwilioRestError) -> DeliveryError:
    code = f"twilio_{error.code or error.status}"
    if error.is_retryable:
        return DeliveryError(code)
    return Unsubscribed(code) if error.code == UNSUBSCRIBED else Undeliverable(code)
