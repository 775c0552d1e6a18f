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
NO_ANSWER = "I'm sorry, nobody could take the call. Please try again later. Goodbye."


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


def busy(sentence: str, desk_number: str | None) -> str:
    """Nobody is free: say so and put the caller through to the desk, if it has a number."""
    response = VoiceResponse()
    response.say(sentence, voice=VOICE)
    if desk_number:
        _dial(response, desk_number)
    response.hangup()
    return str(response)


def transfer(desk_number: str, sentence: str | None = None) -> str:
    """Put the caller through to a person, saying `sentence` first."""
    response = VoiceResponse()
    if sentence:
        response.say(sentence, voice=VOICE)
    _dial(response, desk_number)
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


def _dial(response: VoiceResponse, number: str) -> None:
    # Without an action, what follows <Dial> runs after it; a completed talk needs no words.
    response.dial(number, timeout=DESK_TIMEOUT_S)
