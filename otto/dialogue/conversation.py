"""One telephone call, from the greeting to the end: the pieces put together.

A `Conversation` takes the workers' events and the line's, asks `TurnTaker` who has the floor,
and drives the model, the voice and the tools. It runs on one event loop: every handler is plain
synchronous code, and what takes time (tools, the session, the record) are tasks it owns.

Three rules hold everywhere:

* Every answer is a *generation* with a number; whatever comes in with another number is late and
  ignored, and the line throws late audio away.
* A tool that has begun is never cancelled: the caller may interrupt the sentence, not the
  booking. Its result reaches the history before the next answer is made.
* The history holds what was heard.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from config.dealership import Dealership, Location
from config.settings import CallSettings
from otto.crm.service import CallRecord, TurnLine
from otto.dialogue.keeper import SessionKeeper
from otto.dialogue.playback import Playback
from otto.dialogue.ports import Calendar, Crm, Ear, Line, Mind, Mouth, Sessions
from otto.dialogue.prompts import Phrases, system_prompt
from otto.dialogue.reply import Reply, Timing
from otto.dialogue.session import Directive, Session, TurnRecord
from otto.dialogue.tools import Toolbox
from otto.dialogue.turns import Action, Input, State, Turn, TurnTaker
from otto.scheduling.service import utc_now
from otto.speech.events import (
    Event,
    FirstAudio,
    ModelDone,
    Sentence,
    SentenceSpoken,
    SpeechDone,
    SpeechStarted,
    ToolCall,
    Transcript,
    UtteranceEnd,
    Worker,
    WorkerFailed,
)
from otto.telephony.switchboard_port import CallStart

log = structlog.get_logger()

GENERATIONS_PER_EPOCH = 100_000
"""Generations count on from epoch × this, so that a call resumed by another actor uses numbers
the line has not seen, without anything having to be read."""

TOOL_TASK = "tool"
"""The name of tasks that may have side effects: they are waited for, never just cancelled."""
ENDING_TOOLS = {"end_call": Directive.HANG_UP, "transfer_to_person": Directive.TRANSFER}


@dataclass(frozen=True, slots=True)
class Workers:
    """The three that serve one call."""

    ear: Ear
    mouth: Mouth
    mind: Mind


@dataclass(frozen=True, slots=True)
class House:
    """What all calls share."""

    dealership: Dealership
    location: Location
    phrases: Phrases
    settings: CallSettings
    calendar: Calendar
    crm: Crm
    sessions: Sessions
    workers_mode: str
    """How the workers run, for the record: "ray" or "inline"."""
    now: Callable[[], datetime] = utc_now


class Conversation:
    """Holds one call. `open`, then feed it events until `ended` is set; then `close`."""

    def __init__(
        self, house: House, workers: Workers, line: Line, started: CallStart, anchor_s: float
    ) -> None:
        """`anchor_s` is the loop time at which the caller's audio began (media time 0)."""
        self._house = house
        self._workers = workers
        self._line = line
        self._started = started
        self._anchor_s = anchor_s
        self._loop = asyncio.get_running_loop()
        self._turns = TurnTaker(house.settings.barge_in_words)
        self._session = Session.begin(started.call_sid, started.caller, started.called, house.now())
        self._toolbox = self._make_toolbox()
        self._generation = 0
        self._reply: Reply | None = None
        self._unanswered: list[tuple[Turn, float]] = []
        self._tools_running = 0
        self._prompts = 0
        self._silence: asyncio.TimerHandle | None = None
        self._limit: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._keeper = SessionKeeper(house.sessions, started.call_sid, self._on_fenced)
        self.ended = asyncio.Event()
        """Set when the line is to be given up, or is gone."""

    @property
    def session(self) -> Session:
        return self._session

    # Life

    async def open(self) -> None:
        """Take the call: find its session or begin one, and speak first."""
        house = self._house
        epoch, saved = await self._keeper.open()
        resumed = saved is not None
        if saved is not None:
            self._session = Session.load(saved)
            self._toolbox = self._make_toolbox()
        self._session.epoch = epoch
        self._session.directive = Directive.RESUME
        self._generation = max(epoch * GENERATIONS_PER_EPOCH, self._started.first_generation)
        self._limit = self._loop.call_later(house.settings.max_duration_s, self._time_is_up)
        self._say(house.phrases.resumed if resumed else house.phrases.greeting)
        self._commit()

    @property
    def heard_until_ms(self) -> int:
        """Media time up to which the caller's words are in the session: what came after, and was
        lost with the call's last owner, can be listened to again. 0 on a stream that is new."""
        session = self._session
        return session.heard_ms if session.stream_sid == self._started.stream_sid else 0

    def fence(self) -> None:
        """Another owner has the call: say nothing more, and write nothing."""
        self._keeper.fenced = True
        self._on_fenced()

    def wind_up(self) -> None:
        """The house has to close while the call goes on: apologise and connect a person."""
        self._give_up(self._house.phrases.trouble, "house_closing")

    async def close(self) -> None:
        """After `ended`: let running tools finish, keep the session, write the record."""
        for timer in (self._silence, self._limit):
            if timer is not None:
                timer.cancel()
        self._drop_reply()
        tools = [task for task in self._tasks if task.get_name() == TOOL_TASK]
        if tools:
            await asyncio.wait(tools, timeout=self._house.settings.tool_timeout_s)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._keeper.close()
        if self._keeper.fenced:
            return  # another actor has the call: the record is its business
        try:
            await self._house.crm.record_call(self._record())
        except Exception as error:
            log.error("call_record_lost", error=type(error).__name__)

    # What happens

    def on_event(self, event: Event) -> None:
        """Take an event of a worker."""
        if self.ended.is_set():
            return
        match event:
            case Transcript() | SpeechStarted() | UtteranceEnd():
                self._hear(event)
            case Sentence():
                self._on_sentence(event)
            case ModelDone():
                self._on_model_done(event)
            case FirstAudio():
                reply = self._current(event.generation)
                if reply is not None:
                    reply.timing.speech_ms = event.vendor_ms
            case SentenceSpoken():
                reply = self._current(event.generation)
                if reply is not None:
                    reply.playback.spoken(event.index, event.start_ms, event.end_ms)
            case SpeechDone():
                reply = self._current(event.generation)
                if reply is not None:
                    reply.playback.done(event.total_ms, event.last_mark)
                    self._check_played(reply)
            case WorkerFailed():
                self._on_failure(event)

    def on_line(self, event: dict[str, Any]) -> None:
        """Take an event of the telephone line (see the media link's control channel)."""
        if self.ended.is_set():
            return
        match event.get("event"):
            case "mark":
                reply = self._current(event["generation"])
                if reply is not None and not event.get("cleared"):
                    reply.playback.mark(event["index"], self._loop.time())
                    self._check_played(reply)
            case "playing":
                reply = self._current(event["generation"])
                if reply is not None:
                    self._on_playing(reply)
            case "stop":
                self._hung_up("caller_hung_up", Directive.HANG_UP)
            case "lost":
                # Twilio's next verb brings the call back: the session stays open for it.
                self._hung_up("line_lost", Directive.RESUME)

    # Hearing

    def _hear(self, event: Transcript | SpeechStarted | UtteranceEnd) -> None:
        if not isinstance(event, UtteranceEnd):
            self._stop_waiting()
        self._act(self._turns.hear(event))
        if self._turns.state in {State.LISTENING, State.INTERRUPTED}:
            self._wait()

    def _act(self, actions: tuple[Action, ...]) -> None:
        for action in actions:
            match action:
                case Action.REPLY:
                    self._stop_waiting()
                    self._prompts = 0
                    self._unanswered.append((self._turns.take(), self._loop.time()))
                    self._answer()
                case Action.CLEAR | Action.CANCEL:
                    self._drop_reply()
                case Action.PROMPT:
                    self._prompt()
                case Action.WAIT:
                    self._wait()
                case Action.FINISH:
                    self._finish()

    def _answer(self) -> None:
        """Answer what the caller said, once no tool is running any more."""
        if not self._unanswered or self._tools_running or self._turns.state is not State.THINKING:
            return
        turns, self._unanswered = self._unanswered, []
        for turn, _ in turns:
            self._session.history.caller(turn.text)
            self._session.caller_turns += 1
            self._note_turn("caller", turn.text, turn.text)
        last, ended_s = turns[-1]
        self._session.stream_sid = self._started.stream_sid
        self._session.heard_ms = last.end_ms
        reply = self._new_reply()
        reply.timing = Timing(
            speech_ended_s=min(ended_s, self._anchor_s + last.end_ms / 1000),
            turn_ended_s=ended_s,
        )
        self._generate(reply)
        self._commit()

    # Thinking

    def _generate(self, reply: Reply) -> None:
        house = self._house
        if reply.rounds >= house.settings.max_tool_rounds:
            log.warning("too_many_tool_rounds", generation=reply.generation)
            self._give_up(house.phrases.trouble, "too_many_tool_rounds")
            return
        reply.next_round()
        zone = ZoneInfo(house.location.timezone)
        system = system_prompt(house.dealership, house.location, house.now().astimezone(zone))
        self._workers.mind.generate(
            reply.generation, self._session.history.messages(system), self._toolbox.offered()
        )

    def _on_sentence(self, event: Sentence) -> None:
        reply = self._current(event.generation)
        if reply is not None:
            self._speak(reply, event.text)

    def _on_model_done(self, done: ModelDone) -> None:
        reply = self._current(done.generation)
        if reply is None:
            return
        reply.round_done(done)
        first, last = reply.round_start, len(reply.sentences)
        if done.tool_calls:
            self._tools_running += 1
            self._spawn(self._run_tools(reply, done.tool_calls, first, last), name=TOOL_TASK)
            return
        if not reply.sentences:
            self._speak(reply, self._house.phrases.say_again)
            last = len(reply.sentences)
        if last > first:
            text = " ".join(reply.sentences[first:last])
            reply.place(self._session.history.otto(text), first, last)
        self._workers.mouth.finish(reply.generation)

    async def _run_tools(
        self, reply: Reply, calls: tuple[ToolCall, ...], first: int, last: int
    ) -> None:
        began_s = self._loop.time()
        filler = self._loop.call_later(self._house.settings.tool_filler_s, self._fill, reply)
        results: list[str] = []
        try:
            for call in calls:
                result = await self._run_tool(call)
                results.append(json.dumps(result))
                if call.name in ENDING_TOOLS and result["status"] != "error":
                    reply.ending = ENDING_TOOLS[call.name]
                    reply.outcome = "transferred" if reply.ending is Directive.TRANSFER else "done"
        finally:
            filler.cancel()
            self._tools_running -= 1
        text = " ".join(reply.sentences[first:last])
        reply.place(self._session.history.otto(text, calls, results), first, last)
        self._commit()
        if reply.closed:
            self._answer()  # the caller has gone on: their turn waited for this result
            return
        if not reply.audible:
            reply.timing.tools_ms += (self._loop.time() - began_s) * 1000
        if reply.ending is not None:
            self._end_with(reply)
        else:
            self._generate(reply)

    async def _run_tool(self, call: ToolCall) -> dict[str, Any]:
        """Run one tool. One that takes too long goes on by itself: it may have side effects."""
        task: asyncio.Task[dict[str, Any]] = self._spawn(self._toolbox.run(call), name=TOOL_TASK)
        done, _ = await asyncio.wait({task}, timeout=self._house.settings.tool_timeout_s)
        if done:
            return task.result()
        log.error("tool_timeout", tool=call.name)
        return {
            "status": "error",
            "message": "I'm sorry, this is taking too long.",
            "advice": "It may still go through. Offer to connect a person.",
        }

    def _fill(self, reply: Reply) -> None:
        """Something takes long: say so, once a reply and only when nothing was said."""
        if not reply.closed and not reply.sentences:
            self._speak(reply, self._house.phrases.one_moment)

    def _end_with(self, reply: Reply) -> None:
        phrases = self._house.phrases
        if not reply.sentences:
            closing = (
                phrases.transferring if reply.ending is Directive.TRANSFER else phrases.goodbye
            )
            index = self._speak(reply, closing)
            reply.place(self._session.history.otto(closing), index, index + 1)
        self._act(self._turns.note(Input.CLOSE))
        self._workers.mouth.finish(reply.generation)

    # Speaking

    def _say(self, text: str, ending: Directive | None = None, outcome: str = "") -> None:
        """Say a fixed sentence, in place of whatever is being said."""
        self._drop_reply()
        self._stop_waiting()
        reply = self._new_reply()
        reply.ending, reply.outcome = ending, outcome
        index = self._speak(reply, text)
        reply.place(self._session.history.otto(text), index, index + 1)
        self._act(self._turns.note(Input.SAY if ending is None else Input.CLOSE))
        self._workers.mouth.finish(reply.generation)

    def _speak(self, reply: Reply, text: str) -> int:
        index = reply.add_sentence(text)
        self._workers.mouth.say(reply.generation, index, text)
        return index

    def _on_playing(self, reply: Reply) -> None:
        now_s = self._loop.time()
        reply.audible = True
        reply.timing.playing_s = now_s
        reply.playback.playing(now_s)
        self._act(self._turns.note(Input.AUDIO))

    def _check_played(self, reply: Reply) -> None:
        if not reply.playback.finished:
            return
        reply.close(self._loop.time())
        self._reply = None
        self._record_reply(reply)
        if reply.ending is not None:
            self._session.directive = reply.ending
            self._session.outcome = reply.outcome
        self._commit()
        self._act(self._turns.note(Input.PLAYED))

    def _drop_reply(self) -> None:
        """Throw the current reply away: the line first, for that is what the caller hears."""
        reply, self._reply = self._reply, None
        if reply is None:
            return
        self._line.clear(reply.generation)
        self._workers.mouth.cancel(reply.generation)
        self._workers.mind.cancel(reply.generation)
        reply.close(self._loop.time())
        if reply.streaming and len(reply.sentences) > reply.round_start:
            first, last = reply.round_start, len(reply.sentences)
            text = " ".join(reply.sentences[first:last])
            reply.place(self._session.history.otto(text), first, last)
        self._record_reply(reply)
        self._commit()

    # Silence and limits

    def _wait(self) -> None:
        self._stop_waiting()
        self._silence = self._loop.call_later(self._house.settings.no_input_s, self._silent)

    def _stop_waiting(self) -> None:
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def _silent(self) -> None:
        self._act(self._turns.note(Input.SILENCE))

    def _prompt(self) -> None:
        phrases = self._house.phrases
        if self._prompts >= self._house.settings.no_input_prompts:
            self._say(phrases.silent_goodbye, Directive.HANG_UP, "no_response")
            return
        self._prompts += 1
        self._say(phrases.still_there)

    def _time_is_up(self) -> None:
        self._give_up(self._house.phrases.time_is_up, "time_limit")

    # Failures and the end

    def _on_failure(self, failed: WorkerFailed) -> None:
        if failed.generation is not None and self._current(failed.generation) is None:
            return
        log.error("worker_failed", worker=failed.worker.value, kind=failed.kind)
        phrases = self._house.phrases
        match failed.worker:
            case Worker.LLM:
                self._give_up(phrases.trouble, "model_failed")
            case Worker.STT:
                self._give_up(phrases.cannot_hear, "listening_failed")
            case Worker.TTS:
                # Nothing can be said here: Twilio's own voice says it, after the stream.
                self._hung_up("voice_failed", Directive.TRANSFER)

    def _give_up(self, sentence: str, outcome: str) -> None:
        if self._turns.state is not State.ENDED and not self.ended.is_set():
            self._say(sentence, Directive.TRANSFER, outcome)

    def _hung_up(self, outcome: str, directive: Directive) -> None:
        if not self._session.outcome:
            self._session.outcome = outcome
            self._session.directive = directive
        self._act(self._turns.note(Input.HANG_UP))

    def _finish(self) -> None:
        self._stop_waiting()
        if not self._session.outcome:
            self._session.outcome = "no_response"
            self._session.directive = Directive.HANG_UP
        self.ended.set()

    # Keeping

    def _make_toolbox(self) -> Toolbox:
        house = self._house
        return Toolbox(
            self._session,
            house.dealership,
            house.location,
            house.calendar,
            house.crm,
            now=house.now,
            verification_attempts=house.settings.verification_attempts,
        )

    def _current(self, generation: int) -> Reply | None:
        """The reply being made or said, if it is this one; anything else is late."""
        reply = self._reply
        return reply if reply is not None and reply.generation == generation else None

    def _new_reply(self) -> Reply:
        self._generation += 1
        self._reply = Reply(self._generation, Playback(self._house.settings.audio_chunk_ms))
        return self._reply

    def _record_reply(self, reply: Reply) -> None:
        if reply.sentences and not reply.recorded:
            reply.recorded = True
            self._note_turn("otto", reply.text, reply.heard_text, reply.timing.latency())

    def _note_turn(
        self, speaker: str, text: str, heard: str, latency: dict[str, float] | None = None
    ) -> None:
        turns = self._session.turns
        at = self._house.now().isoformat()
        turns.append(TurnRecord(len(turns), speaker, text, heard, at, latency or {}))

    def _commit(self) -> None:
        self._keeper.changed(lambda: self._session.dump())

    def _on_fenced(self) -> None:
        """Somebody else has the call: whatever this one would still say or do is not wanted."""
        self._act(self._turns.note(Input.HANG_UP))

    def _record(self) -> CallRecord:
        session = self._session
        return CallRecord(
            call_sid=session.call_sid,
            direction="inbound",
            from_number=session.caller,
            to_number=session.called,
            outcome=session.outcome,
            started_at=datetime.fromisoformat(session.started_at),
            ended_at=self._house.now(),
            customer_id=session.customer_id if session.identity.trusted else None,
            sub_actors=self._house.workers_mode,
            turns=tuple(
                TurnLine(
                    index=turn.index,
                    speaker=turn.speaker,
                    text=turn.text,
                    heard_text=turn.heard,
                    latency=turn.latency,
                    at=datetime.fromisoformat(turn.at),
                )
                for turn in session.turns
            ),
        )

    def _spawn(self, work: Coroutine[Any, Any, Any], name: str = "") -> asyncio.Task[Any]:
        task = self._loop.create_task(work, name=name or None)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
