"""How an answer is made: rounds of the model, the tools between them, fillers, guesses.

    ask ──► round ──► sentences ─────────────────────────────► the voice
              │ tool calls                                        ▲
              ▼                                                   │
            tools (never cancelled) ──► results in the history ──► next round

A reply that is paused makes no progress that anybody could notice: its sentences gather, and
what would have an effect (tools, the end of the call) waits until it goes on. If it is thrown
away instead, that never happens. Only a tool that was already running goes on by itself; its
result reaches the history before the next answer is asked for.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import structlog

from otto.dialogue.context import CallContext
from otto.dialogue.model.speculation import Speculation
from otto.dialogue.ports import LanguageModel
from otto.dialogue.prompts import system_prompt
from otto.dialogue.reply.playback import Playback
from otto.dialogue.reply.player import ReplyPlayer
from otto.dialogue.reply.reply import Reply
from otto.dialogue.session.history import CallerSaid
from otto.dialogue.session.state import Directive, InProgress, Session
from otto.dialogue.tools.toolbox import Toolbox
from otto.dialogue.turns.completeness import is_dictation
from otto.dialogue.turns.taker import Turn
from otto.events import ModelDone, Sentence, ToolCall

log = structlog.get_logger()

TOOL_TASK = "tool"
"""The name of tasks that may have side effects: they are waited for, never just cancelled."""
ENDING_TOOLS = {"end_call": Directive.HANG_UP, "transfer_to_person": Directive.TRANSFER}
GO_ON = (
    "Your last message broke off there, by a fault. The caller has heard it so far. "
    "Go on from exactly there; do not say it again."
)


class Holder(Protocol):
    """Who holds the call: what making an answer asks of it."""

    def number(self) -> int:
        """A number greater than all before, for a round of the model."""

    def spawn(self, work: Coroutine[Any, Any, Any], name: str = "") -> asyncio.Task[Any]:
        """Run as a task of the call."""

    def progressed(self, reply: Reply) -> None:
        """Something of the reply came: it is alive."""

    def expect_filler(self, delay_s: float) -> None:
        """Call `fill` after so long, in place of the time set before."""

    def said(self, reply: Reply) -> None:
        """A sentence of the model was given to the voice."""

    def changed(self) -> None:
        """The session is another one now."""

    def closing(self, reply: Reply) -> None:
        """The reply is the last one: when it has been heard, the line is given up."""

    def give_up(self, sentence: str, outcome: str) -> None:
        """Say the sentence and connect the caller with a person."""


@dataclass(slots=True)
class Work:
    """Tools of one round, done one after the other. `results` grows to the length of `calls`."""

    reply: Reply
    calls: tuple[ToolCall, ...]
    results: list[str]


class Answering:
    """Makes the answers of one call. `serve` it a session before anything is asked."""

    def __init__(
        self,
        context: CallContext,
        language_model: LanguageModel,
        player: ReplyPlayer,
        holder: Holder,
    ) -> None:
        self._context = context
        self._language_model = language_model
        self._player = player
        self._holder = holder
        self._guess = Speculation(language_model)
        self.work: Work | None = None
        """The tools that are running."""
        self.unanswered: list[Turn] = []
        """Turns of the caller that wait for them."""

    def serve(self, session: Session) -> None:
        """Work on this session."""
        context = self._context
        self._session = session
        self._toolbox = Toolbox(
            session,
            context.dealership,
            context.location,
            context.calendar,
            context.crm,
            now=context.now,
            verification_attempts=context.settings.verification_attempts,
        )

    @property
    def is_busy(self) -> bool:
        """Whether a tool is running: no answer may be asked for before its result is there."""
        return self.work is not None

    @property
    def is_idle(self) -> bool:
        """Whether no tool runs and no turn of the caller waits for one."""
        return not self.is_busy and not self.unanswered

    # Asking

    def caller_said(self, turn: Turn) -> None:
        """A turn of the caller: it reaches the history behind the results of running tools."""
        self.unanswered.append(turn)

    def answer(self, reply: Reply) -> None:
        """Make `reply` the answer to what the caller said, once no tool is running any more."""
        reply.awaits_tools = self.is_busy
        if not reply.awaits_tools:
            self.take_up()
            self.ask(reply)

    def take_up(self) -> None:
        """What the caller said goes into the history, behind all that was done before."""
        turns, self.unanswered = self.unanswered, []
        session = self._session
        for turn in turns:
            last = session.history.entries[-1] if session.history.entries else None
            if isinstance(last, CallerSaid) and is_dictation(last.text) and is_dictation(turn.text):
                last.text = f"{last.text} {turn.text}"  # one number, in two breaths
            else:
                session.history.caller(turn.text)
                session.caller_turns += 1
            if turn.end_ms:
                session.recognised_ms = turn.end_ms
        if turns:
            self._holder.changed()

    def ask(self, reply: Reply) -> None:
        """The next round of a reply, on the history as it is."""
        context = self._context
        if reply.rounds >= context.settings.max_tool_rounds:
            log.warning("too_many_tool_rounds", generation=reply.generation)
            self._holder.give_up(context.phrases.trouble, "too_many_tool_rounds")
            return
        messages = self._messages()
        guessed = self._guess.adopt(messages) if not reply.rounds else None
        if guessed is not None:
            reply.next_round(guessed.number)
            for event in guessed.events:
                self.on_model_event(event)
            return
        reply.next_round(self._holder.number())
        self._language_model.generate(reply.asked, messages, self._toolbox.offered())

    def guess(self, text: str) -> None:
        """The caller has probably finished with `text`: begin an answer that nobody sees yet."""
        if not self.is_busy:
            messages = [*self._messages(), {"role": "user", "content": text}]
            self._guess.begin(text, messages, self._toolbox.offered, self._holder.number)

    def forget_guess(self) -> None:
        """The caller goes on, or Otto says something else."""
        self._guess.forget()

    def replaced(self) -> None:
        """The model's worker is a new one: a round that was streaming is asked for again.

        What was said of it stands, and is not said twice.
        """
        self._guess.forget()
        reply = self._player.reply
        if reply is None or not reply.streaming:
            return
        said = " ".join(reply.sentences[reply.round_start :])
        messages = self._messages()
        if said:
            messages += [
                {"role": "assistant", "content": said},
                {"role": "system", "content": GO_ON},
            ]
        reply.repeats = said.split()
        reply.asked = self._holder.number()
        self._language_model.generate(reply.asked, messages, self._toolbox.offered())

    def take_over(self, reply: Reply, left: InProgress, first: int) -> None:
        """Go on with what another owner of the call has left, as the reply being said.

        What was said of it is in `reply`, the round that was under way from sentence `first` on.
        """
        reply.rounds, reply.round_start = left.rounds, first
        reply.ending, reply.outcome = left.ending, left.outcome
        self.unanswered = [Turn(text) for text in left.unanswered]
        if left.calls:
            calls = tuple(ToolCall(**call) for call in left.calls)
            last = len(reply.sentences)
            if left.is_own_work:
                self._work(Work(reply, calls, left.results), first, last)
            else:
                reply.awaits_tools = True
                gone = Reply(0, Playback(self._context.settings.audio_chunk_ms), closed=True)
                self._work(Work(gone, calls, left.results), 0, 0)
        elif left.unanswered:
            self.answer(reply)
        elif left.streaming:
            reply.streaming = True
            self.replaced()
        elif left.finished and left.ending is None:
            self._player.finish(reply)
        else:
            self._after_tools(reply)

    def drop(self, reply: Reply) -> None:
        """The reply was thrown away: nothing of it is made any more."""
        self._language_model.cancel(reply.asked)
        if reply.streaming:
            reply.streaming = False
            first, last = reply.round_start, len(reply.sentences)
            if last > first:
                self._place(reply, first, last)

    # What comes back

    def on_model_event(self, event: Sentence | ModelDone) -> None:
        """Take an event of the model. What belongs to no reply is late, or a guess's."""
        if self._guess.take(event):
            return
        reply = self._player.reply
        if reply is None or reply.asked != event.generation or not reply.streaming:
            return
        self._holder.progressed(reply)
        match event:
            case Sentence():
                self._say(reply, event.text)
            case ModelDone():
                if reply.paused:
                    reply.waiting.append(partial(self._done, reply, event))
                else:
                    self._done(reply, event)

    def failed(self, generation: int) -> bool:
        """A round failed: whether anybody waits for it."""
        if self._guess.failed(generation):
            return False
        reply = self._player.reply
        return reply is not None and reply.streaming and reply.asked == generation

    # Rounds

    def _say(self, reply: Reply, text: str) -> None:
        text = _without_repeats(reply.repeats, text)
        if text:
            self._player.say(reply, text)
            self._holder.said(reply)

    def _done(self, reply: Reply, done: ModelDone) -> None:
        reply.round_done(done)
        first, last = reply.round_start, len(reply.sentences)
        if done.tool_calls:
            self._work(Work(reply, done.tool_calls, []), first, last)
            return
        if not reply.has_answer:
            self._player.say(reply, self._context.phrases.say_again)
            last = len(reply.sentences)
        if last > first:
            self._place(reply, first, last)
        self._player.finish(reply)
        self._holder.changed()

    def _place(self, reply: Reply, first: int, last: int) -> None:
        text = " ".join(reply.sentences[first:last])
        reply.place(self._session.history.otto(text), first, last)

    def _messages(self) -> list[dict[str, Any]]:
        context = self._context
        now = context.now().astimezone(ZoneInfo(context.location.timezone))
        return self._session.history.messages(
            system_prompt(context.dealership, context.location, now)
        )

    # Tools

    def _work(self, work: Work, first: int, last: int) -> None:
        """Run the tools of the round whose sentences are [first, last)."""
        self.work = work
        self._holder.spawn(self._run_tools(work, first, last), name=TOOL_TASK)
        self._holder.changed()

    async def _run_tools(self, work: Work, first: int, last: int) -> None:
        reply, calls, results = work.reply, work.calls, work.results
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        self._holder.expect_filler(self._context.settings.tool_filler_s)
        try:
            for call in calls[len(results) :]:
                result = await self._run_tool(call)
                self._holder.progressed(reply)
                results.append(json.dumps(result))
                if call.name in ENDING_TOOLS and result["status"] != "error":
                    reply.ending = ENDING_TOOLS[call.name]
                    reply.outcome = "transferred" if reply.ending is Directive.TRANSFER else "done"
        finally:
            self.work = None
        text = " ".join(reply.sentences[first:last])
        reply.place(self._session.history.otto(text, calls, results), first, last)
        self._holder.changed()
        if reply.closed:
            self._tools_settled()
            return
        if not reply.audible:
            reply.timing.tools_ms += (loop.time() - began_s) * 1000
        go_on: Callable[[], None] = partial(self._after_tools, reply)
        if reply.paused:
            reply.waiting.append(go_on)
        else:
            go_on()

    async def _run_tool(self, call: ToolCall) -> dict[str, Any]:
        """Run one tool. One that takes too long goes on by itself: it may have side effects."""
        task = self._holder.spawn(self._toolbox.run(call), name=TOOL_TASK)
        done, _ = await asyncio.wait({task}, timeout=self._context.settings.tool_timeout_s)
        if done:
            found: dict[str, Any] = task.result()
            return found
        log.error("tool_timeout", tool=call.name)
        return {
            "status": "error",
            "message": "I'm sorry, this is taking too long.",
            "advice": "It may still go through. Offer to connect a person.",
        }

    def _after_tools(self, reply: Reply) -> None:
        if reply.ending is None:
            self.ask(reply)
            return
        if not reply.has_answer:
            phrases = self._context.phrases
            is_transfer = reply.ending is Directive.TRANSFER
            index = self._player.say(
                reply, phrases.transferring if is_transfer else phrases.goodbye
            )
            self._place(reply, index, index + 1)
        self._holder.closing(reply)
        self._player.finish(reply)

    def _tools_settled(self) -> None:
        """The tools of a reply that is gone are done: the caller's turn may have waited for it."""
        reply = self._player.reply
        if reply is None or not reply.awaits_tools:
            return
        if reply.paused:
            reply.waiting.append(partial(self.answer, reply))
        else:
            self.answer(reply)

    # Fillers

    def fill(self, now_s: float) -> None:
        """Nothing has come for a while: say so, once a reply and never into its own words."""
        reply, settings = self._player.reply, self._context.settings
        if reply is None or reply.filled or reply.paused or reply.finished:
            return
        if reply.sentences:
            left_s = reply.playback.left_ms(now_s) / 1000
            if reply.has_answer and not self.is_busy:
                return
            if left_s > 0:
                # It said that it would look: silence may be a little longer after that.
                self._holder.expect_filler(left_s + 2 * settings.tool_filler_s)
                return
            phrase = self._context.phrases.still_working
        else:
            phrase = self._context.phrases.one_moment
            if self.is_busy:
                reply.timing.tools_ms += settings.tool_filler_s * 1000
            else:
                reply.timing.model_ms += settings.model_filler_s * 1000
        reply.filled = True
        reply.remarks.add(self._player.say(reply, phrase))
        if reply.streaming:
            reply.round_start = len(reply.sentences)  # it is no part of the model's answer


def _without_repeats(repeats: list[str], text: str) -> str:
    """`text` without the words it repeats; what differs from them is said as it is."""
    words = text.split()
    if not repeats:
        return text
    common = 0
    while common < min(len(words), len(repeats)) and words[common] == repeats[common]:
        common += 1
    if common < min(len(words), len(repeats)):
        repeats.clear()
        return text
    del repeats[:common]
    return " ".join(words[common:])
