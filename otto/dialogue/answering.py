"""How an answer is made: rounds of the model, the tools between them, guesses.

    ask ──► round ──► sentences ─────────────────────────────► the synthesiser
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
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from otto.dialogue.context import CallContext
from otto.dialogue.control import CallControl
from otto.dialogue.flow.following import Following, Patience, another_way
from otto.dialogue.grounding.gate import Gate
from otto.dialogue.leave import Leave
from otto.dialogue.model.speculation import Speculation, probable
from otto.dialogue.news import News
from otto.dialogue.ports import LanguageModel
from otto.dialogue.reply.player import ReplyPlayer
from otto.dialogue.reply.reply import Reply
from otto.dialogue.session.record import note_turn
from otto.dialogue.session.state import InProgress, Session
from otto.dialogue.tools.endings import Conclusion, Next
from otto.dialogue.tools.holding import Holding
from otto.dialogue.tools.outcome import Late
from otto.dialogue.tools.runner import TOOL_TASK, ToolRunner
from otto.dialogue.tools.toolbox import Toolbox
from otto.dialogue.turns.taker import Turn, TurnTaker
from otto.events import Heard, ModelDone, Sentence, ToolCall, TurnResumed

log = structlog.get_logger()

GO_ON = (
    "Your last message broke off there. The caller has heard it so far. "
    "Go on from exactly there; do not say it again."
)


@dataclass(slots=True)
class Work:
    """Tools of one round, done one after the other; `results` grows to the length of `calls`.
    `reply` is None when they were asked for by one that another call actor threw away."""

    reply: Reply | None
    calls: tuple[ToolCall, ...]
    results: list[str]


class Answering:
    """Makes the answers of one call, on its session."""

    def __init__(
        self,
        context: CallContext,
        session: Session,
        language_model: LanguageModel,
        player: ReplyPlayer,
        news: News,
        call: CallControl,
    ) -> None:
        self._context = context
        self._session = session
        self._language_model = language_model
        self._player = player
        self._news = news
        self._leave = Leave(session, context.phrases, player, call)
        self._call = call
        self._guess = Speculation(language_model)
        self._toolbox = Toolbox(
            session,
            context.dealership,
            context.location,
            context.calendar,
            context.crm,
            now=context.now,
            verification_attempts=context.settings.verification_attempts,
        )
        self._following = Following(
            session, context.dealership, context.location, context.now, context.prompts
        )
        self._runner = ToolRunner(
            self._toolbox, session, call.spawn, context.settings.tool_timeout_s, self._on_late
        )
        self._holding = Holding(
            session, context.calendar, context.location, call.spawn, context.now
        )
        self._gate = Gate(session, context.dealership, context.location, context.now)
        self._owed: Reply | None = None
        """The reply that is asked for when the tools of an earlier one are done."""
        self.work: Work | None = None
        """The tools that are running."""
        self.unanswered: list[Turn] = []
        """Turns of the caller that wait for them."""

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
        self._call.changed()

    def answer(self, reply: Reply) -> None:
        """Make `reply` the answer to what the caller said, once no tool is running any more."""
        self._owed = reply if self.is_busy else None
        if self._owed is None:
            self._news.tell_with(reply)
            self.take_up()
            self.ask(reply)

    def patience_with(self, text: str) -> Patience:
        """What is left to be tried with a caller who answers with `text`."""
        return self._following.patience_with(text)

    def take_up(self) -> None:
        """What the caller said goes into the history, behind all that was done before."""
        turns, self.unanswered = self.unanswered, []
        for turn in turns:
            self._leave.hear(turn.text)
            self._following.take_up(turn)
        if turns:
            self._call.changed()

    def ask(self, reply: Reply) -> None:
        """The next round of a reply, on the history as it is."""
        context = self._context
        if reply.rounds >= context.settings.max_tool_rounds:
            log.warning("too_many_tool_rounds", generation=reply.generation)
            self._call.give_up(context.phrases.trouble, "too_many_tool_rounds")
            return
        messages = self._following.messages()
        guessed = self._guess.adopt(messages) if not reply.rounds else None
        if guessed is not None:
            reply.begin_round(guessed.round_id)
            for event in guessed.events:
                self.on_model_event(event)
            return
        self._generate(reply, messages)

    def overhear(self, event: Heard, turns: TurnTaker) -> None:
        """Something of the caller's turn. Once it is probably over an answer is begun that nobody
        sees yet."""
        if isinstance(event, TurnResumed):
            self._guess.resumed()
        text = probable(event, turns, by_words=self._context.settings.speculate)
        if text and self._player.reply is None and not self.is_busy:
            messages = self._following.messages_with(text)
            self._guess.begin(text, messages, self._toolbox.offered, self._call.next_id)

    def forget_guess(self) -> None:
        """The caller goes on, or Otto says something else."""
        self._guess.forget()

    def replaced(self) -> None:
        """The model's worker is a new one: a round that was streaming is asked for again.

        What was said of it stands, and is not said twice.
        """
        self._guess.forget()
        reply = self._player.reply
        if reply is None or not reply.is_streaming:
            return
        self._ask_again(reply, "")

    def _ask_again(self, reply: Reply, advice: str) -> None:
        """Ask anew for the round under way. What was said of it stands; `advice` is why."""
        round_id = self._call.next_id()
        messages = self._following.messages()
        if said := reply.ask_again(round_id):
            messages.append({"role": "assistant", "content": said})
            advice = f"{advice} {GO_ON}".strip()
        if advice:
            messages.append({"role": "system", "content": advice})
        self._language_model.generate(round_id, messages, self._toolbox.offered())

    def take_over(self, reply: Reply, left: InProgress, first: int) -> None:
        """Go on with what another owner of the call has left, as the reply being said.

        What was said of it is in `reply`, the round that was under way from sentence `first` on.
        """
        reply.take_rounds(left.rounds, first, streaming=left.streaming)
        if left.ending is not None:
            reply.end_with(left.ending)
        self._runner.take_over()
        self.unanswered = [Turn(text) for text in left.unanswered]
        if left.calls:
            calls = tuple(ToolCall(**call) for call in left.calls)
            if left.is_own_work:
                self._begin_work(Work(reply, calls, left.results), *reply.end_round())
            else:
                self._owed = reply
                self._begin_work(Work(None, calls, left.results), 0, 0)
        elif left.unanswered:
            self.answer(reply)
        elif left.streaming:
            self.replaced()
        elif left.finished and left.ending is None:
            self._player.finish(reply)
        elif reply.ending is not None:
            self._leave.take(reply, is_announced=reply.has_answer)
        else:
            self.ask(reply)

    def drop(self, reply: Reply) -> None:
        """The reply was thrown away: nothing of it is made any more."""
        if reply.round is not None:
            self._language_model.cancel(reply.round.round_id)
        if reply.is_streaming:
            first, last = reply.end_round()
            if last > first:
                self._place(reply, first, last)
        if reply.ending is not None:
            self._leave.interrupted(reply.ending)

    async def release(self) -> None:
        """The call is over: nothing is kept for its caller any more."""
        await self._holding.release()

    # What comes back

    def on_model_event(self, event: Sentence | ModelDone) -> None:
        """Take an event of the model. What belongs to no reply is late, or a guess's."""
        if self._guess.take(event):
            return
        reply = self._player.reply
        if reply is None or not self._is_of(reply, event.round_id):
            return
        self._call.progressed(reply)
        match event:
            case Sentence():
                self._say(reply, event.text)
            case ModelDone():
                reply.when_going(partial(self._done, reply, event))

    def failed(self, round_id: int) -> bool:
        """A round failed: whether anybody waits for it."""
        if self._guess.failed(round_id):
            return False
        reply = self._player.reply
        return reply is not None and self._is_of(reply, round_id)

    # Rounds

    def _is_of(self, reply: Reply, round_id: int) -> bool:
        return (
            reply.round is not None and reply.round.streaming and reply.round.round_id == round_id
        )

    def _generate(self, reply: Reply, messages: list[dict[str, Any]]) -> None:
        round_id = self._call.next_id()
        reply.begin_round(round_id)
        self._language_model.generate(round_id, messages, self._toolbox.offered())

    def _say(self, reply: Reply, text: str) -> None:
        assert reply.round is not None
        text = reply.round.unrepeated(text)
        if not text:
            return
        if advice := self._gate.refusal(text):
            self._refuse(reply, advice)
            return
        self._player.say(reply, text)
        self._call.said(reply)

    def _refuse(self, reply: Reply, advice: str) -> None:
        """The model was about to say what nothing has told it: it is asked once more."""
        assert reply.round is not None
        self._language_model.cancel(reply.round.round_id)
        if reply.may_ask_again():
            self._ask_again(reply, advice)
            return
        reply.end_round()
        self._player.say(reply, self._context.phrases.not_sure)
        self._all_said(reply, reply.round.first)

    def _done(self, reply: Reply, done: ModelDone) -> None:
        first, last = reply.end_round(done)
        if done.tool_calls:
            self._begin_work(Work(reply, done.tool_calls, []), first, last)
            return
        if not reply.has_answer and not reply.owes_person:
            self._player.say(reply, self._context.phrases.say_again)
        elif (advice := self._gate.unkept(reply.part(first, last))) and reply.may_ask_again():
            self._place(reply, first, last)
            self._generate(reply, self._following.messages(advice))
            return
        self._all_said(reply, first)

    def _all_said(self, reply: Reply, first: int) -> None:
        """The answer is complete; the sentences of its last round begin at `first`."""
        last = len(reply.sentences)
        way = another_way(self._session, reply.part(first, last))
        if way is not None:
            last = self._player.say(reply, self._context.phrases.ways[way]) + 1
        if last > first:
            self._place(reply, first, last)
        self._holding.said(reply.part(first, last))
        if not self._leave.keep_promise(reply, reply.part(first, last)):
            self._player.finish(reply)
        self._call.changed()

    def _place(self, reply: Reply, first: int, last: int) -> None:
        reply.place(self._session.history.otto(reply.part(first, last)), first, last)

    # Tools

    def _begin_work(self, work: Work, first: int, last: int) -> None:
        """Run the tools of the round whose sentences are [first, last)."""
        self.work = work
        self._call.spawn(self._run_tools(work, first, last), TOOL_TASK)
        self._call.changed()

    async def _run_tools(self, work: Work, first: int, last: int) -> None:
        reply, calls, results = work.reply, work.calls, work.results
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        self._call.expect_filler(self._context.settings.tool_filler_s)
        try:
            for call in calls[len(results) :]:
                result = await self._runner.run(call)
                if reply is not None:
                    self._call.progressed(reply)
                results.append(json.dumps(result))
        finally:
            self.work = None
        said = "" if reply is None else reply.part(first, last)
        conclusion = self._leave.conclude(calls, results, said)
        self._news.known(conclusion.results)
        results = [json.dumps(result) for result in conclusion.results]
        entry = self._session.history.otto(said, calls, results)
        if reply is not None:
            reply.place(entry, first, last)
        if reply is None or reply.is_closed:
            if conclusion.ending is not None:
                self._leave.interrupted(conclusion.ending)
            self._call.changed()
            self._tools_settled()
            return
        if conclusion.ending is not None:
            reply.end_with(conclusion.ending)
        self._call.changed()
        reply.owes_person = reply.owes_person or conclusion.wants_person
        reply.timing.tools_took((loop.time() - began_s) * 1000)
        reply.when_going(partial(self._after_tools, reply, conclusion))

    def _after_tools(self, reply: Reply, conclusion: Conclusion) -> None:
        match conclusion.follows:
            case Next.ASK:
                self.ask(reply)
            case Next.WAIT:
                self._player.finish(reply)
            case Next.END:
                self._leave.take(reply, is_announced=conclusion.is_announced)

    def _on_late(self, call: ToolCall, late: Late) -> None:
        """A tool that had taken too long is done: history and record say what came of it."""
        result = json.dumps(late.result)
        work = self.work
        if late.sentence:
            note_turn(self._session, self._context.now(), "tool", late.sentence, "")
        if work is not None and call in work.calls[: len(work.results)]:
            work.results[work.calls.index(call)] = result  # the model is about to be told
        else:
            self._session.history.replace_result(call.id, result)
            if late.sentence:
                self._news.add(late.sentence, late.result)
        self._call.changed()

    def _tools_settled(self) -> None:
        """The tools of a reply that is gone are done: the caller's turn may have waited for it."""
        owed, self._owed = self._owed, None
        if owed is not None and owed is self._player.reply:
            owed.when_going(partial(self.answer, owed))
