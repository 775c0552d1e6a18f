"""Interruptions, real and false, in virtual time: each named after what callers have suffered."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest

from otto.dialogue.session.state import Directive
from otto.events import (
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
from otto.language.pronounce import to_spoken
from otto.media_link.events import MarkPlayed, Playing
from tests.support.call import Call, Step, Telephone

pytestmark = pytest.mark.looptime

ANSWER = (
    "We have brakes seen to in the morning, or tires seen to in the afternoon. "
    "|Thursday is also possible, at half past ten."
)
WHOLE = ANSWER.replace("|", "")
GOODBYE = Step("Thank you very much for calling us today.", (("end_call", {"reason": "done"}),))


async def answering(ring: Any, *steps: Step, after_s: float = 3.0, **settings: Any) -> Call:
    """A call in which Otto's answer has been audible for `after_s` seconds."""
    call: Call = await ring(**settings)
    call.language_model.script += steps or (Step(ANSWER),)
    await call.say("When can I come")
    await asyncio.sleep(0.2 + 0.1 + after_s)
    return call


def heard(call: Call) -> list[str]:
    """What stands in the history as said by Otto, since the greeting."""
    messages = call.conversation.session.history.messages("")
    return [m["content"] for m in messages if m["role"] == "assistant"][1:]


async def test_a_cough_taken_for_words_goes_on_from_the_word_and_not_from_the_start(
    ring: Any,
) -> None:
    call = await answering(ring)
    before = len(call.telephone.said)
    await call.say("the other", final=False)
    assert call.telephone.cleared[-1] == call.telephone.generations[-1]
    await call.say("")
    await call.until_quiet()
    resumed = call.telephone.said[before:]
    assert WHOLE.endswith(resumed[0] + " " + resumed[1])
    assert resumed[0].split()[0] not in {"We", "have", "Tuesday"}
    assert heard(call) == [WHOLE], "one answer, of which all was heard"
    assert len(call.language_model.requests) == 1, "the model was not asked again"
    turn = call.conversation.session.turns[-1]
    assert (turn.speaker, turn.heard) == ("otto", WHOLE)
    await call.conversation.close()


@pytest.mark.parametrize(
    "follows",
    [
        Transcript("Mm-hmm.", True, True, 0, 0),
        Transcript("okay", True, True, 0, 0),
        UtteranceEnd(0),
        SpeechStarted(0),
        None,
    ],
    ids=["backchannel", "okay", "utterance_end", "only a voice", "nothing at all"],
)
async def test_otto_does_not_fall_silent_when_nothing_follows_an_interruption(
    ring: Any, follows: Event | None
) -> None:
    call = await answering(ring)
    await call.say("no but", final=False)
    if follows is not None:
        call.conversation.on_event(follows)
    await asyncio.sleep(3.0)
    assert call.telephone.generations[-1] > call.telephone.cleared[-1]
    await call.until_quiet()
    assert heard(call) == [WHOLE]
    await call.conversation.close()


async def test_two_coughs_in_one_answer_still_make_one_answer(ring: Any) -> None:
    call = await answering(ring)
    for _ in range(2):
        await call.say("no no", final=False)
        await call.say("")
        await asyncio.sleep(1.5)
    await call.until_quiet()
    assert heard(call) == [WHOLE]
    await call.conversation.close()


async def test_what_the_model_adds_during_a_cough_is_said_after_it(ring: Any) -> None:
    call = await answering(ring, Step(ANSWER, pace_s=4.0))
    await call.say("no but", final=False)
    await asyncio.sleep(1.0)
    assert "Thursday" not in " ".join(call.telephone.said), "nothing is said into the pause"
    await call.until_quiet()
    assert heard(call) == [WHOLE]
    await call.conversation.close()


async def test_an_answer_not_yet_audible_survives_a_breath(ring: Any) -> None:
    call = await ring()
    call.language_model.script.append(Step("We have brakes.", delay_s=1.0))
    await call.say("When can I come")
    await call.say("the", final=False)
    await call.say("")
    await call.until_quiet()
    assert heard(call) == ["We have brakes."]
    await call.conversation.close()


async def test_a_tool_that_was_due_runs_after_a_false_interruption(ring: Any) -> None:
    info = ("dealership_info", {"topic": "hours", "service": None, "date": None})
    step = Step("Let me look that up for you, it takes but a moment. |Here.", (info,), pace_s=3.0)
    call = await answering(ring, step, Step("We open at seven."), after_s=2.0)
    await call.say("no but", final=False)
    await asyncio.sleep(0.5)
    assert call.results() == [], "the tool waits while it is not certain that it is wanted"
    await call.until_quiet()
    assert call.results()[-1]["status"] == "ok"
    assert call.telephone.said[-1] == "We open at seven."
    await call.conversation.close()


async def test_a_tool_of_an_answer_the_caller_stopped_is_never_run(ring: Any) -> None:
    transfer = ("transfer_to_person", {"reason": "test"})
    step = Step("I will connect you with somebody now, please. |Hold on.", (transfer,), pace_s=3.0)
    call = await answering(ring, step, Step("Of course."), after_s=2.0)
    await call.say("no wait", final=False)
    await asyncio.sleep(0.5)
    await call.say("no wait I would rather book it here")
    await call.until_quiet()
    await asyncio.sleep(5)
    assert call.results() == []
    assert not call.conversation.ended.is_set()
    assert call.conversation.session.directive is Directive.RESUME
    await call.conversation.close()


async def test_a_cough_during_the_goodbye_does_not_keep_the_line_open(ring: Any) -> None:
    call = await answering(ring, GOODBYE, after_s=1.0)
    await call.say("no but", final=False)
    await call.say("")
    await asyncio.wait_for(call.conversation.ended.wait(), 10)
    assert call.conversation.session.outcome == "done"
    assert heard(call) == [GOODBYE.text]
    await call.conversation.close()


async def test_a_wish_during_the_goodbye_is_answered(ring: Any) -> None:
    call = await answering(ring, GOODBYE, Step("Of course."), after_s=1.0)
    await call.say("oh wait", final=False)
    await call.say("oh wait, one more thing")
    await call.until_quiet()
    assert not call.conversation.ended.is_set()
    assert call.telephone.said[-1] == "Of course."
    await call.conversation.close()


async def test_a_cough_over_the_greeting_does_not_swallow_it(ring: Any) -> None:
    call = await ring(greeted=False)
    await asyncio.sleep(2)
    await call.say("the other", final=False)
    await call.until_quiet()
    assert call.conversation.session.turns[0].heard == call.context.phrases.greeting
    await call.conversation.close()


def late_events(generation: int, asked: int) -> list[Event | dict[str, Any]]:
    """Everything that may still be on its way for a generation that was thrown away."""
    book = ToolCall("c9", "book_appointment", json.dumps({"slot_id": "s", "vehicle_ref": None}))
    hang_up = ToolCall("c8", "end_call", json.dumps({"reason": "done"}))
    numbers = {generation, asked}
    late: list[Event | dict[str, Any]] = [FirstAudio(generation, 10.0)]
    for number in numbers:
        late += [
            Sentence(number, 7, "This is late."),
            ModelDone(number, "late", (book,), "tool_calls", 1, 1, 1),
            ModelDone(number, "late", (hang_up,), "tool_calls", 1, 1, 1),
            ModelDone(number, "late", (), "stop", 1, 1, 1),
            WorkerFailed(Worker.LLM, "dropped", "late", round_id=number),
            WorkerFailed(Worker.TTS, "dropped", "late", number),
        ]
    late += [
        SentenceSpoken(generation, 0, "late", 0, 90_000),
        SpeechDone(generation, 90_000, 3),
        Playing(generation),
        MarkPlayed(generation, 3, False),
        MarkPlayed(generation, 4, True),
    ]
    return late


@pytest.mark.parametrize("while_speaking", [False, True], ids=["at once", "next"])
async def test_a_discarded_generation_can_do_nothing_any_more(
    ring: Any, while_speaking: bool
) -> None:
    call = await answering(ring)
    generation, asked = call.telephone.generations[-1], call.language_model.numbers[-1]
    call.language_model.script.append(Step("Friday it is, then."))
    await call.say("no no Friday", final=False)
    if while_speaking:
        await call.say("no no Friday please")
        await asyncio.sleep(0.8)
    before = call.conversation.session.dump()["history"]
    said = list(call.telephone.said)
    for event in late_events(generation, asked):
        if isinstance(event, dict):
            call.conversation.on_line(event)
        else:
            call.conversation.on_event(event)
    await asyncio.sleep(0.1)
    assert call.telephone.said == said
    assert call.conversation.session.dump()["history"] == before
    assert call.book.requests == []
    if not while_speaking:
        await call.say("no no Friday please")
    await call.until_quiet()
    assert not call.conversation.ended.is_set()
    assert "late" not in " ".join(call.telephone.said)
    await call.conversation.close()


async def test_a_model_that_breaks_off_leaves_a_history_the_next_request_can_use(
    ring: Any,
) -> None:
    call = await ring(on_recogniser_lost="keypad")
    info = ("dealership_info", {"topic": "hours", "service": None, "date": None})
    await call.turn(
        "Your hours", Step("One second. |Let me look", (info,)), Step("We open |at", fails=True)
    )
    assert call.telephone.said[-1] == call.context.phrases.trouble
    messages = call.conversation.session.history.messages("")
    asked = [c["id"] for m in messages for c in m.get("tool_calls", ())]
    answered = [m["tool_call_id"] for m in messages if m["role"] == "tool"]
    assert asked == answered
    assert call.conversation.session.directive is Directive.TRANSFER
    await call.conversation.close()


async def test_a_model_that_fails_while_the_caller_takes_over_is_not_apologised_for(
    ring: Any,
) -> None:
    step = Step("Here is a long sentence to be heard first. |Then", fails=True, pace_s=2.6)
    call = await answering(ring, step, Step("Friday it is."), after_s=2.0)
    await call.say("no wait", final=False)
    await asyncio.sleep(0.8)
    assert call.context.phrases.trouble not in call.telephone.said
    await call.say("no wait I want Friday")
    await call.until_quiet()
    assert call.telephone.said[-1] == "Friday it is."
    await call.conversation.close()


# To the word


class Speaker(Telephone):
    """A line whose words each take the time a person takes, and that remembers them."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        lag_s = self._random.uniform(0.0, 0.25)
        super().__init__(lag_s=lag_s, mark_delay_s=self._random.uniform(0.0, 0.1))
        self.ends_ms: list[int] = []
        """When each word of the generation being said has been played."""
        self._last = 0

    def say(self, generation: int, index: int, text: str) -> None:
        if generation != self._last:
            self._last, self.ends_ms = generation, []
        super().say(generation, index, text)

    def length_ms(self, text: str) -> int:
        began = at = self.ends_ms[-1] if self.ends_ms else 0
        for word in text.split():
            pause_ms = self._random.uniform(120, 350) if word[-1] in ",.?" else 0.0
            at += round(len(to_spoken(word)) * self._random.uniform(50, 75) + 40)
            self.ends_ms.append(at)
            at += round(pause_ms)
        return at - began

    def words_played(self) -> int:
        played_ms = self.played_ms(self._last)
        return sum(end <= played_ms for end in self.ends_ms)


SAID = (
    "That's an oil change for your 2019 Honda Civic on Tuesday, November 24 at 9:00 AM, "
    "for $79.95. |We also have Wednesday at 10:30 AM, or Thursday in the afternoon. "
    "|Which of these would suit you best?"
)


@pytest.mark.parametrize("seed", range(24))
async def test_the_history_knows_to_two_words_what_was_heard(ring: Any, seed: int) -> None:
    telephone = Speaker(seed)
    after_s = random.Random(seed + 1000).uniform(0.6, 13.0)
    call = await answering(ring, Step(SAID), Step("Sure."), after_s=after_s, telephone=telephone)
    call.conversation.on_event(Transcript("no wait stop", False, False, 0, 0))
    played = telephone.words_played()
    await call.say("no wait stop please")
    await call.until_quiet()
    content = heard(call)[0]
    kept, _, unheard = content.partition("[The caller interrupted. Not heard: ")
    assert abs(len(kept.split()) - played) <= 2, (kept, played)
    assert f"{kept}{unheard.rstrip(']')}".split() == SAID.replace("|", "").split()
    await call.conversation.close()


@pytest.mark.parametrize("seed", range(12))
async def test_an_unpaused_answer_neither_skips_nor_repeats_more_than_two_words(
    ring: Any, seed: int
) -> None:
    telephone = Speaker(seed)
    after_s = random.Random(seed).uniform(0.6, 9.0)
    call = await answering(ring, Step(SAID), after_s=after_s, telephone=telephone)
    call.conversation.on_event(Transcript("no wait", False, False, 0, 0))
    played, before = telephone.words_played(), len(telephone.said)
    await call.until_quiet()
    resumed = " ".join(telephone.said[before:]).split()
    words = SAID.replace("|", "").split()
    assert abs(len(words) - len(resumed) - played) <= 2
    assert words[-len(resumed) :] == resumed
    assert heard(call) == [SAID.replace("|", "")]
    await call.conversation.close()
