"""The TwiML that Otto answers webhooks with, as XML text (twilio's builder escapes values).

`connect` carries two ways back. Twilio requests `action_url` when the stream ends; the
`<Redirect>` behind it is the next verb, which runs when the socket breaks without one.
https://www.twilio.com/docs/voice/twiml/connect
"""

from __future__ import annotations

from twilio.twiml.voice_response import Connect, Stream, VoiceResponse  # type: ignore[import-untyped]

VOICE = "Polly.Joanna-Neural"
"""For the few sentences that Twilio itself speaks, when no call actor can."""
DESK_TIMEOUT_S = 30

APOLOGY = "I'm sorry, something went wrong on our side."
CALLBACK_PROMISE = "We have your number and will call you back."
CALL_AGAIN = "Please call again in a few minutes."
"""What is said where no promise can be made."""
DESK_CLOSED = "Our service desk is closed right now."
CALLBACK_THEN = "We have your number and will call you back {when}."
CALL_AGAIN_THEN = "Please call again {when}."
"""The same out of hours; `when` is "when we open at 7:30 AM on Monday"."""


def connect(stream_url: str, token: str, action_url: str, resume_url: str) -> str:
    """Open the bidirectional stream. The token arrives in its `start`; who is on the line does
    not go through it, for a stream may claim anything."""
    response = VoiceResponse()
    stream = Stream(url=stream_url)
    stream.parameter(name="token", value=token)
    connecting = Connect(action=action_url, method="POST")
    connecting.append(stream)
    response.append(connecting)
    response.redirect(resume_url, method="POST")
    return str(response)


def come_again(resume_url: str) -> str:
    """Ask again in a moment: a stream of this call still seems to stand."""
    response = VoiceResponse()
    response.pause(length=1)
    response.redirect(resume_url, method="POST")
    return str(response)


def busy(sentence: str, desk_number: str | None, over_url: str = "") -> str:
    """Nobody is free: say so and put the caller through to the desk, if it has a number. `over_url`
    is asked what comes after that call; else there is nothing."""
    response = VoiceResponse()
    response.say(sentence, voice=VOICE)
    if desk_number:
        _dial(response, desk_number, over_url)
    response.hangup()
    return str(response)


def transfer(desk_number: str, over_url: str = "") -> str:
    """Dial the desk for the caller, without a word to either; `over_url` as in `busy`."""
    response = VoiceResponse()
    _dial(response, desk_number, over_url)
    response.hangup()
    return str(response)


def apology() -> str:
    """Something broke, and nobody knows who is calling."""
    return busy(f"{APOLOGY} {CALL_AGAIN}", None)


def hang_up() -> str:
    """End the call."""
    response = VoiceResponse()
    response.hangup()
    return str(response)


def _dial(response: VoiceResponse, number: str, over_url: str) -> None:
    # Without an action, what follows <Dial> runs after it; a completed talk needs no words.
    after = {"action": over_url, "method": "POST"} if over_url else {}
    response.dial(number, timeout=DESK_TIMEOUT_S, **after)
