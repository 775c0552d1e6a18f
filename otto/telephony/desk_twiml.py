"""The TwiML by which a caller is handed over to the service desk: both their calls'.

    caller   hold → hold_on, again and again, until the desk has come
    desk     whisper → (key) → join, or a sentence and the end

Of a caller who is alone in a conference Twilio plays what `waitUrl` answers with, which may say,
play, pause and redirect, and nothing else; it never ends the waiting by itself.
https://www.twilio.com/docs/voice/twiml/conference
"""

from __future__ import annotations

from twilio.twiml.voice_response import Dial, VoiceResponse  # type: ignore[import-untyped]

from otto.telephony.twiml import VOICE

ACCEPT_KEY = "1"
KEY_TIMEOUT_S = 6
"""For each of the two times that the desk is asked."""
HOLD_ON_S = 8
"""From one sentence to the next, while the caller waits."""

CALLING_THE_DESK = "I'm calling the service desk for you. Please stay on the line."
STILL_CALLING = "Thank you for holding. I'm still trying to reach the service desk."
NOBODY_FREE = "Nobody is free at the service desk right now."
HANG_UP_NOW = "You can hang up now."
DESK_ASKED = "Press 1 to take the call, or any other key to decline."
UNKNOWN_CALLER = "A call from Otto."
"""For the desk, where nobody knows any more."""
DECLINED = "All right. I'll tell the caller."
CALLER_LEFT = "The caller has hung up. Goodbye."
CALLER_SERVED = "The caller is no longer waiting. Goodbye."
ALONE = "The caller is not on the line any more. You can hang up."


def hold(room: str, wait_url: str, left_url: str) -> str:
    """Put the caller into the conference `room`, where they wait for the desk. Twilio asks
    `left_url` when it is over for them, however it ended."""
    response = VoiceResponse()
    dial = Dial(action=left_url, method="POST")
    dial.conference(
        room,
        participant_label="caller",
        start_conference_on_enter=False,
        end_conference_on_exit=True,
        beep="false",
        wait_url=wait_url,
        wait_method="POST",
        max_participants=2,
    )
    response.append(dial)
    return str(response)


def hold_on(sentence: str, music_url: str, again_url: str) -> str:
    """What a caller hears who waits: a sentence, some music if there is any, and again."""
    response = VoiceResponse()
    response.say(sentence, voice=VOICE)
    if music_url:
        response.play(music_url)
    else:
        response.pause(length=HOLD_ON_S)
    response.redirect(again_url, method="POST")
    return str(response)


def whisper(summary: str, key_url: str) -> str:
    """What the desk hears before anybody is on the line: what it is about, twice, and which key
    takes the call. Without a key the call ends: an answering machine presses none."""
    response = VoiceResponse()
    sentence = f"{summary or UNKNOWN_CALLER} {DESK_ASKED}"
    for _ in range(2):
        gather = response.gather(
            action=key_url, method="POST", num_digits=1, timeout=KEY_TIMEOUT_S, finish_on_key=""
        )
        gather.say(sentence, voice=VOICE)
    response.hangup()
    return str(response)


def join(room: str, alone_url: str) -> str:
    """Put the desk into the caller's conference, which ends with either of them."""
    response = VoiceResponse()
    dial = Dial()
    dial.conference(
        room,
        participant_label="desk",
        start_conference_on_enter=True,
        end_conference_on_exit=True,
        beep="false",
        wait_url=alone_url,
        wait_method="POST",
        max_participants=2,
    )
    response.append(dial)
    response.hangup()
    return str(response)


def alone() -> str:
    """What the desk hears in a conference in which nobody is."""
    response = VoiceResponse()
    response.pause(length=2)
    response.say(ALONE, voice=VOICE)
    response.pause(length=60)
    return str(response)


def connect_line() -> str:
    """The end of a whisper on a dialled line: Twilio connects the two."""
    return str(VoiceResponse())


def turn_away(sentence: str) -> str:
    """A sentence for the desk, and the end of its call."""
    response = VoiceResponse()
    response.say(sentence, voice=VOICE)
    response.hangup()
    return str(response)


def dial_screened(desk_number: str, ring_s: int, whisper_url: str, left_url: str) -> str:
    """Have the caller's own call dial the desk, which hears the whisper first."""
    response = VoiceResponse()
    dial = Dial(action=left_url, method="POST", timeout=ring_s)
    dial.number(desk_number, url=whisper_url, method="POST")
    response.append(dial)
    return str(response)
