"""The baseline: a bare asyncio relay that does Otto's job with nothing that makes it dependable.

One process, one coroutine family a call: Twilio's WebSocket in, Deepgram by raw websockets, chat
completions by httpx. No actors, no state that survives, no signatures, no database; the tools
answer from a table. What Otto costs is told as a multiple of this, in the same run:

    python -m benchmarks.baseline --port 9200       webhook on 9200, stream on 9201

It takes the vendors' addresses as Otto does (settings, or the running sandbox's).
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from config.clock import utc_now
from config.dealership import load_dealership
from config.sandbox_endpoints import load_settings, read_endpoints
from config.settings import Settings
from otto.dialogue.flow.briefing import system_prompt
from otto.dialogue.flow.prompt_files import shipped_prompts
from otto.dialogue.prompts import Phrases
from otto.dialogue.session.state import Session
from otto.dialogue.tools.schemas import tool_schemas

OPENINGS = [
    {"slot_id": "s-0001", "when": "Tuesday, November 24 at 9:00 AM"},
    {"slot_id": "s-0002", "when": "Tuesday, November 24 at 1:30 PM"},
    {"slot_id": "s-0003", "when": "Wednesday, November 25 at 10:00 AM"},
]
CAR = {"vehicle_ref": "v1", "description": "2019 Honda Civic"}
ANSWERS: dict[str, dict[str, Any]] = {
    "identify_caller": {"status": "found", "verified": False},
    "verify_caller": {"status": "verified", "first_name": "Maria", "vehicles": [CAR]},
    "create_customer": {"status": "created", "first_name": "Maria"},
    "add_vehicle": {"status": "added", **CAR},
    "find_openings": {
        "status": "ok",
        "service": "Oil change",
        "duration_minutes": 45,
        "price": "$79.95",
        "openings": OPENINGS,
    },
    "book_appointment": {
        "status": "booked",
        "when": OPENINGS[0]["when"],
        "service": "Oil change",
        "confirmation": "K7F2",
    },
    "dealership_info": {"status": "ok", "answer": "We are open from 7:30 AM to 6 PM."},
    "transfer_to_person": {"status": "transferring"},
    "end_call": {"status": "ending"},
}
SENTENCE = re.compile(r"(.+?[.!?])\s+", re.S)
LISTEN = {"interim_results": "true", "vad_events": "true", "smart_format": "true"}


class Baseline:
    """What all calls share."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        dealership = load_dealership(settings.dealership_file)
        location = dealership.locations[0]
        now = utc_now().astimezone(ZoneInfo(location.timezone))
        self.greeting = Phrases(dealership, settings.call.transcript_notice).greeting
        session = Session.begin("baseline", "", "", now)
        self.prompt = system_prompt(shipped_prompts(), dealership, location, session, now)
        self.tools = list(tool_schemas(dealership).values())
        key = settings.openai.api_key.get_secret_value()
        self.http = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {key}"},
            timeout=30,
            limits=httpx.Limits(max_connections=None),
        )

    async def deepgram(self, path: str, **options: Any) -> ClientConnection:
        deepgram = self.settings.deepgram
        query = urlencode({"encoding": "mulaw", "sample_rate": 8000, **options})
        key = {"Authorization": f"Token {deepgram.api_key.get_secret_value()}"}
        url = f"{deepgram.url}/v1/{path}?{query}"
        return await connect(url, additional_headers=key, compression=None, proxy=None)

    async def stream(self, twilio: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            async for text in twilio:
                message = json.loads(text)
                if message["event"] == "start":
                    await Call(self, twilio, message["start"]["streamSid"]).run()
                    return


class Call:
    """One call."""

    def __init__(self, baseline: Baseline, twilio: ServerConnection, stream_sid: str) -> None:
        self.baseline = baseline
        self.twilio = twilio
        self.stream_sid = stream_sid
        self.messages: list[dict[str, Any]] = [
            {"role": "system", "content": baseline.prompt},
            {"role": "assistant", "content": baseline.greeting},
        ]
        self.turn: asyncio.Task[None] | None = None
        self.marks = 0
        self.flushed = 0
        self.played = 0
        self.discarding = False
        self.ending = False

    async def run(self) -> None:
        deepgram = self.baseline.settings.deepgram
        listen = {"model": deepgram.listen_model, "endpointing": deepgram.endpointing_ms, **LISTEN}
        listen["utterance_end_ms"] = deepgram.utterance_end_ms
        self.synthesiser, self.recogniser = await asyncio.gather(
            self.baseline.deepgram("speak", model=deepgram.speak_model),
            self.baseline.deepgram("listen", **listen),
        )
        try:
            async with asyncio.TaskGroup() as tasks:
                parts = [tasks.create_task(part) for part in (self.hear(), self.play())]
                await self.say(self.baseline.greeting)
                with suppress(ConnectionClosed):
                    await self.uplink()
                for part in parts:
                    part.cancel()
        finally:
            if self.turn is not None:
                self.turn.cancel()
            await asyncio.gather(self.recogniser.close(), self.synthesiser.close())

    async def uplink(self) -> None:
        async for text in self.twilio:
            message = json.loads(text)
            if message["event"] == "media":
                await self.recogniser.send(base64.b64decode(message["media"]["payload"]))
            elif message["event"] == "mark":
                self.played = int(message["mark"]["name"])
                if self.ending and self.played == self.marks:
                    return
            elif message["event"] == "stop":
                return

    async def hear(self) -> None:
        words: list[str] = []
        async for text in self.recogniser:
            message = json.loads(text)
            if message["type"] != "Results":
                continue
            heard = message["channel"]["alternatives"][0]["transcript"]
            if self.played < self.marks and len(heard.split()) > 1:
                await self.interrupt()
            if message["is_final"] and heard:
                words.append(heard)
            if message["speech_final"] and words:
                self.messages.append({"role": "user", "content": " ".join(words)})
                words.clear()
                if self.turn is not None:
                    self.turn.cancel()
                self.turn = asyncio.create_task(self.answer())

    async def interrupt(self) -> None:
        if self.turn is not None:
            self.turn.cancel()
        self.played = self.marks
        self.discarding = True
        await self.twilio.send(json.dumps({"event": "clear", "streamSid": self.stream_sid}))
        await self.synthesiser.send('{"type":"Clear"}')

    async def say(self, text: str) -> None:
        self.marks += 1
        await self.synthesiser.send(json.dumps({"type": "Speak", "text": text}))
        await self.synthesiser.send('{"type":"Flush"}')

    async def play(self) -> None:
        async for audio in self.synthesiser:
            message: dict[str, Any] = {"streamSid": self.stream_sid}
            if isinstance(audio, bytes):
                if self.discarding:
                    continue
                payload = base64.b64encode(audio).decode()
                message |= {"event": "media", "media": {"payload": payload}}
            else:
                kind = json.loads(audio)["type"]
                if kind == "Cleared":
                    self.discarding = False
                    self.flushed = self.marks
                if kind != "Flushed" or self.discarding:
                    continue
                self.flushed += 1
                message |= {"event": "mark", "mark": {"name": str(self.flushed)}}
            await self.twilio.send(json.dumps(message))

    async def answer(self) -> None:
        for _ in range(6):
            said, calls = await self.complete()
            message: dict[str, Any] = {"role": "assistant", "content": said or None}
            if calls:
                message["tool_calls"] = calls
            self.messages.append(message)
            for call in calls:
                name = call["function"]["name"]
                self.ending = self.ending or name == "end_call"
                result = json.dumps(ANSWERS[name])
                self.messages.append(
                    {"role": "tool", "tool_call_id": call["id"], "content": result}
                )
            if not calls or self.ending:
                return

    async def complete(self) -> tuple[str, list[dict[str, Any]]]:
        settings = self.baseline.settings.openai
        body = {
            "model": settings.model,
            "messages": self.messages,
            "tools": self.baseline.tools,
            "parallel_tool_calls": False,
            "stream": True,
        }
        said, rest = "", ""
        calls: list[dict[str, Any]] = []
        url = f"{settings.base_url}/chat/completions"
        async with self.baseline.http.stream("POST", url, json=body) as response:
            response.raise_for_status()
            async for line in response.aiter_lines():
                if not line.startswith("data: ") or line == "data: [DONE]":
                    continue
                choices = json.loads(line[6:])["choices"]
                delta = choices[0]["delta"] if choices else {}
                said += delta.get("content") or ""
                rest += delta.get("content") or ""
                while found := SENTENCE.match(rest):
                    await self.say(found[1])
                    rest = rest[found.end() :]
                for piece in delta.get("tool_calls") or ():
                    if piece["index"] == len(calls):
                        calls.append({**piece, "type": "function"})
                        calls[-1].pop("index")
                    else:
                        more = piece["function"].get("arguments") or ""
                        calls[piece["index"]]["function"]["arguments"] += more
        if rest.strip():
            await self.say(rest.strip())
        return said, calls


async def answer_webhook(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, twiml: str
) -> None:
    """Any POST gets the same TwiML: status callbacks ignore it."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = re.search(r"content-length: (\d+)", head)
    await reader.readexactly(int(length[1]) if length else 0)
    body = twiml.encode()
    writer.write(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\nconnection: close\r\n"
        b"content-length: %d\r\n\r\n%b" % (len(body), body)
    )
    await writer.drain()
    writer.close()


async def main(port: int, state_dir: Path | None) -> None:
    baseline = Baseline(load_settings(read_endpoints(state_dir) if state_dir else None))
    stream_port = port + 1
    twiml = (
        "<Response><Connect>"
        f'<Stream url="ws://127.0.0.1:{stream_port}/media/stream"/>'
        "</Connect></Response>"
    )
    async with serve(baseline.stream, "127.0.0.1", stream_port, compression=None):
        server = await asyncio.start_server(
            lambda reader, writer: answer_webhook(reader, writer, twiml), "127.0.0.1", port
        )
        print(json.dumps({"voice_url": f"http://127.0.0.1:{port}/twilio/voice"}), flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="the bare relay that Otto is measured against")
    parser.add_argument("--port", type=int, default=9200, help="webhook; the stream has the next")
    parser.add_argument("--state-dir", type=Path, help="the sandbox's state folder")
    arguments = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(main(arguments.port, arguments.state_dir))
