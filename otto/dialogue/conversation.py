"""One telephone call, from the greeting to the end: the pieces put together.

A `Conversation` takes the workers' events and the line's, asks `TurnTaker` who has the floor, and
lets `Answering` make the answers and `ReplyPlayer` say them. It runs on one event loop: every
handler is plain synchronous code, and what takes time (tools, the session, the record) are tasks
it owns.

Three rules hold everywhere:

* Every answer is a *generation* with a number; whatever comes in with another number is late and
  ignored, and the line throws late audio away.
* A tool that has begun is never cancelled: the caller may interrupt the sentence, not the
  booking. Its result reaches the history before the next answer is made.
* The history holds what was heard.

And one for the caller's sake: whatever happens or fails to happen, a timer is running that ends
in Otto saying something or giving up the line.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from otto.dialogue.answering import Answering
from otto.dialogue.context import CallContext, Workers
from otto.dialogue.failures import WorkerFailures
from otto.dialogue.fillers import Fillers
from otto.dialogue.hearing import Hearing
from otto.dialogue.limits import CallTimers
from otto.dialogue.news import News
from otto.dialogue.ports import Line
from otto.dialogue.recorder import CallRecorder
from otto.dialogue.reply.player import ReplyPlayer
from otto.dialogue.reply.reply import Reply
from otto.dialogue.reply.timing import Timing
from otto.dialogue.session.opening import OpenedSession
from otto.dialogue.session.state import Directive, Ending, InProgress, Session
from otto.dialogue.takeover import Takeover, in_progress
from otto.dialogue.timers import Timer, Timers
from otto.dialogue.tongue import Tongue
from otto.dialogue.tools.endings import parting_of
from otto.dialogue.tools.runner import LATEST_S, TOOL_TASK
from otto.dialogue.turns.floor import Action, Input, State
from otto.dialogue.turns.taker import Turn, TurnTaker
from otto.dialogue.urgent import Urgent
from otto.events import (
    Event,
    FirstAudio,
    Heard,
    ModelDone,
    Sentence,
    SentenceSpoken,
    SpeechDone,
    Worker,
    WorkerFailed,
)
from otto.media_link.events import KeyPressed, LineEvent, LineLost, LineStopped, MarkPlayed, Playing
from otto.tasks import Tasks

log = structlog.get_logger()


class Conversation:
    """Holds one call. `start`, then feed it events until `ended` is set; then `close`.

    For its parts it is the `CallControl`.
    """

    def __init__(
        self,
        context: CallContext,
        workers: Workers,
        line: Line,
        opened: OpenedSession,
        anchor_s: float,
    ) -> None:
        """`anchor_s` is the loop time at which the caller's audio began (media time 0)."""
        self._context = context
        self._settings = context.settings
        self._session = opened.session
        self._is_taken_over = opened.is_taken_over and not opened.returned
        self._loop = asyncio.get_running_loop()
        self._timers = Timers()
        self._tasks = Tasks()
        self._turns = TurnTaker(context.settings)
        self._last_id = opened.first_generation
        self._player = ReplyPlayer(
            workers.synthesiser,
            line,
            chunk_ms=context.settings.audio_chunk_ms,
            next_id=self.next_id,
            clock=self._loop.time,
            on_audible=self._on_audible,
            on_played=self._on_played,
        )
        self._hearing = Hearing(
            self._turns, self._timers, self._player, opened.session.keys, anchor_s, self._act
        )
        self._news = News(opened.session, self._player, self)
        self._answering = Answering(
            context, opened.session, workers.language_model, self._player, self._news, self
        )
        self._fillers = Fillers(context, self._timers, self._player, self._answering)
        self._call_timers = CallTimers(context, opened.session, self._timers, self)
        self._failures = WorkerFailures(context, self._answering, self._player, self._turns, self)
        tongue = Tongue(context, opened.session, workers)
        self._urgent = Urgent(context, opened, self._answering, self._turns, self, tongue)
        self._recorder = CallRecorder(
            context, opened, self._in_progress, self._loop.time, self._on_fenced
        )
        self.changed = self._recorder.changed
        self.ended = asyncio.Event()
        """Set when the line is to be given up, or is gone."""

    @property
    def session(self) -> Session:
        return self._session

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is being said, by either side, or made, or done."""
        return self._player.reply is None and self._answering.is_idle and self._turns.is_idle

    # Life

    def start(self) -> None:
        """Speak first: greet, or go on where another owner of the call has stopped."""
        context, taken_over = self._context, self._is_taken_over
        left = Takeover(self._session, context.phrases, context.now()) if taken_over else None
        self._call_timers.begin()
        if left is None or left.is_new:
            self._urgent.speak_first()
        elif left.is_over:
            self._hearing.note(Input.HANG_UP)
        else:
            self._turns.asked(left.asked)
            reply = self._begin()
            self._hearing.note(Input.SAY)
            self.expect_filler(self._settings.model_filler_s)
            left.go_on(reply, self._player, self._turns, self._answering)
        self.changed()

    def fence(self) -> None:
        """Another owner has the call: say nothing more, and write nothing."""
        self._recorder.fence()
        self._on_fenced()

    def finish_call(self) -> None:
        """The deployment ends while the call goes on: apologise and connect a person."""
        self.give_up(self._context.phrases.trouble, "deployment_ends")

    async def close(self) -> None:
        """After `ended`: let running tools finish, keep the session, write the record."""
        self._timers.stop_all()
        self._drop_reply()
        is_done = await self._tasks.finish(TOOL_TASK, self._settings.tool_timeout_s)
        self._answering.take_up()  # what nobody answered was said all the same
        if not is_done:
            await self._recorder.write_record()
            await self._tasks.finish(TOOL_TASK, LATEST_S)
        await self._tasks.cancel()
        await self._answering.release()
        await self._recorder.close()

    # What happens

    def on_event(self, event: Event) -> None:
        """Take an event of a worker."""
        if self.ended.is_set():
            return
        if isinstance(event, Heard):
            self._hear(event)
            return
        match event:
            case Sentence() | ModelDone():
                self._answering.on_model_event(event)
            case FirstAudio() | SentenceSpoken() | SpeechDone():
                reply = self._player.current(event.generation)
                if reply is not None:
                    self._call_timers.sounded(reply)
                    self._player.on_speech_event(event)
            case WorkerFailed():
                self._failures.failed(event)

    def on_line(self, event: LineEvent) -> None:
        """Take an event of the telephone line."""
        if self.ended.is_set():
            return
        match event:
            case MarkPlayed(generation, index, cleared):
                reply = self._player.current(generation)
                if reply is not None and not cleared:
                    self._call_timers.sounded(reply)
                    self._player.mark(generation, index)
                    self._recorder.heard_more()
            case Playing(generation):
                self._player.playing(generation)
            case KeyPressed(digit, number):
                self._hearing.press(digit, number)
            case LineStopped():
                self.hang_up(Ending(Directive.HANG_UP, "caller_hung_up"))
            case LineLost():
                # Twilio's next verb brings the call back: the session stays open for it, as it is
                # now, before what is being said is thrown away.
                self._recorder.freeze()
                self.hang_up(Ending(Directive.RESUME, "line_lost"))

    def on_replaced(self, worker: Worker) -> None:
        """A worker that had died is a new one now, attached to the same line."""
        if self.ended.is_set():
            return
        log.info("worker_replaced", worker=worker.value)
        match worker:
            case Worker.STT:
                self._failures.hears_again()
            case Worker.LLM:
                self._answering.replaced()
            case Worker.TTS:
                self._player.replaced()

    # Hearing

    def _hear(self, event: Heard) -> None:
        self._hearing.hear(event)
        if self._turns.state is State.LISTENING:
            self._call_timers.wait()
            self._answering.overhear(event, self._turns)

    def _act(self, actions: tuple[Action, ...]) -> None:
        for action in actions:
            match action:
                case Action.REPLY:
                    self._on_turn(self._turns.take())
                case Action.CLEAR:
                    self._timers.stop(Timer.FILLER, Timer.STALL)
                    self._player.pause()
                    self.changed()
                case Action.CANCEL:
                    self._drop_reply()
                case Action.UNPAUSE:
                    self._unpause()
                case Action.PROMPT:
                    if self._failures.recogniser_lost:
                        self._failures.ask_for_a_person()
                    else:
                        self._call_timers.prompt()
                case Action.FILL:
                    self._fillers.answer_check()
                case Action.WAIT:
                    self._call_timers.wait()
                case Action.FINISH:
                    self._finish()

    def _on_turn(self, turn: Turn) -> None:
        """The caller has finished: answer."""
        self._call_timers.answered()
        noted = self._recorder.caller_turn(turn, self._hearing.keys)
        self._answering.caller_said(noted)
        if self._failures.is_answered_by(turn) or self._urgent.is_answered_by(turn):
            return
        reply = self._begin(self._hearing.timing(turn))
        if noted is not turn:
            self._player.say(reply, self._context.phrases.no_transcript, is_remark=True)
        self.expect_filler(self._settings.model_filler_s)
        self._answering.answer(reply)

    # Speaking

    def _begin(self, timing: Timing | None = None) -> Reply:
        reply = self._player.begin(self._turns.expected, timing)
        self.progressed(reply)
        return reply

    def say(self, text: str, ending: Ending | None = None) -> None:
        """Say a fixed sentence, in place of whatever is being said; the last one when an `ending`
        is given."""
        self._drop_reply()
        self._answering.forget_guess()
        self._timers.stop(Timer.SILENCE)
        reply = self._begin()
        index = self._player.say(reply, text)
        reply.place(self._session.history.otto(text), index, index + 1)
        if ending is None:
            self._hearing.note(Input.SAY)
        else:
            reply.end_with(ending)
            self.closing(ending)
        self._player.finish(reply)

    def _unpause(self) -> None:
        """It was no interruption: go on from the word where Otto was heard to stop."""
        reply = self._player.reply
        if reply is None:
            self._hearing.played()
            return
        if not reply.sentences or self._answering.is_busy:
            self.expect_filler(self._settings.model_filler_s)
        if reply.is_closing:
            self._hearing.note(Input.CLOSE)
        self._player.unpause()
        self.progressed(reply)
        self.changed()
        reply.do_waiting()

    def _on_audible(self, reply: Reply) -> None:
        self._call_timers.sounded(reply)
        self._hearing.note(Input.AUDIO)

    def _on_played(self, reply: Reply) -> None:
        self._timers.stop(Timer.FILLER, Timer.STALL)
        self._recorder.otto_turn(reply)
        self._news.settle(reply)
        if self._news.tell_before_end(reply):
            return
        if reply.ending is not None:
            self._session.end(reply.ending)
        self.changed()
        self._hearing.played()
        self._news.tell_if_free()
        self._call_timers.warn_if_due()

    def _drop_reply(self) -> None:
        """Throw the current reply away: nothing of it may be said or done any more."""
        reply = self._player.drop()
        if reply is None:
            return
        self._timers.stop(Timer.FILLER, Timer.STALL)
        self._answering.drop(reply)
        self._turns.cut_off(reply.begun_text, reply.expected_before)
        self._recorder.otto_turn(reply)
        self._news.settle(reply)
        self._session.history.forget_unsaid()
        self.changed()

    # `CallControl`, which says what each of these is for

    @property
    def reply(self) -> Reply | None:
        return self._player.reply

    @property
    def is_free(self) -> bool:
        return self._turns.state is State.LISTENING and self.is_quiet and self._turns.is_quiet

    def next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def spawn(self, work: Coroutine[Any, Any, Any], name: str = "") -> asyncio.Task[Any]:
        return self._tasks.spawn(work, name or None)

    def progressed(self, reply: Reply) -> None:
        self._call_timers.progressed(reply)

    def expect_filler(self, delay_s: float) -> None:
        self._fillers.expect(delay_s)

    def said(self, reply: Reply) -> None:
        if not self._answering.is_busy:
            self.expect_filler(self._settings.filler_again_s)
        self._turns.asked(reply.text)
        self.changed()

    def closing(self, ending: Ending) -> None:
        self._turns.parting = parting_of(ending)
        self._hearing.note(Input.CLOSE)

    def give_up(self, sentence: str, outcome: str) -> None:
        if self._turns.state is not State.ENDED and not self.ended.is_set():
            self._urgent.give_up(sentence, outcome)

    def silent(self) -> None:
        self._hearing.note(Input.SILENCE)

    def hang_up(self, ending: Ending) -> None:
        if not self._session.outcome:
            self._session.end(ending)
        self._hearing.note(Input.HANG_UP)

    # The end

    def _in_progress(self) -> InProgress | None:
        return in_progress(
            self._player.reply, self._session.history, self._answering, self._loop.time()
        )

    def _on_fenced(self) -> None:
        """Somebody else has the call: whatever this one would still say or do is not wanted."""
        self._hearing.note(Input.HANG_UP)

    def _finish(self) -> None:
        self._timers.stop_all()
        if not self._session.outcome:
            self._session.end(self._session.promised or Ending(Directive.HANG_UP, "no_response"))
        self.ended.set()
