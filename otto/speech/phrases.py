"""Phrases spoken beforehand: what is said often costs no time then."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog
from websockets.exceptions import ConnectionClosed

from config.settings import DeepgramSettings
from otto.language.languages import Language
from otto.language.pronounce import to_spoken
from otto.speech.audible import audible_bytes, is_enough
from otto.speech.complaints import error_in, parse
from otto.speech.speak_wire import CLOSE, FLUSH, NO_AUDIO, speak_messages
from otto.speech.wire import VendorError, closed_as, opened, speak_query

log = structlog.get_logger()

PHRASE_TRIES: Final = 2
"""For each voice, when it reports success and has said nothing."""


async def synthesise(
    settings: DeepgramSettings, text: str, language: Language = Language.ENGLISH
) -> bytes:
    """One phrase, whole, as mu-law 8 kHz: for what is said often. By the fallback's voice when
    the first cannot be had. Raises `VendorError`."""
    voices = [settings, settings.as_fallback()] if settings.has_speak_fallback else [settings]
    *before, last = [voice for voice in voices for _ in range(PHRASE_TRIES)]
    in_vain: DeepgramSettings | None = None
    for voice in before:
        if voice is in_vain:
            continue
        try:
            return await _synthesise(voice, text, language)
        except VendorError as error:
            log.warning("tts_phrase_failed", kind=error.kind, detail=error.detail)
            if error.detail != NO_AUDIO:  # others were tried again already, or cannot be mended
                in_vain = voice
                if voice is last:
                    raise
    return await _synthesise(last, text, language)


async def _synthesise(settings: DeepgramSettings, text: str, language: Language) -> bytes:
    spoken, audio = to_spoken(text, language), bytearray()
    async with opened(settings, "/v1/speak", speak_query(settings)) as socket:
        try:
            for message in (*speak_messages(spoken), FLUSH):
                await socket.send(message)
            async with asyncio.timeout(settings.first_audio_timeout_s) as patience:
                while True:
                    answer = await socket.recv()
                    if isinstance(answer, bytes):
                        audio += answer
                        if audible_bytes(answer):
                            now_s = asyncio.get_running_loop().time()
                            patience.reschedule(now_s + settings.first_audio_timeout_s)
                        continue
                    data = parse(answer)
                    if (error := error_in(data)) is not None:
                        raise VendorError(error[0], f"error frame {error[1]}")
                    if data.get("type") == "Flushed":
                        break
            await socket.send(CLOSE)
        except TimeoutError:
            raise VendorError("timeout", "no audio for the phrase") from None
        except ConnectionClosed as error:
            raise closed_as(error) from None
    if not is_enough(spoken, audible_bytes(audio)):
        raise VendorError("protocol", NO_AUDIO)
    return bytes(audio)
