"""Otto's own words in its ear: not a barge-in and not a turn; the caller's words among them are."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otto.dialogue.turns.echo import AudibleWord, own_words, spoken_words
from otto.events import ToolCall, Transcript
from tests.dialogue.test_dead_air import asked, now_s
from tests.support.call import MS_PER_CHARACTER, Call, Step

pytestmark = pytest.mark.looptime

OFFER = "We have Tuesday at nine or ten, or Wednesday at two. Which would suit you best?"
CHARACTER_S = 0.06


def audible(text: str, start_s: float = 0.0) -> list[AudibleWord]:
    found: list[AudibleWord] = []
    for word in spoken_words(text):
        end_s = start_s + CHARACTER_S * (len(word) + 1)
        found.append(AudibleWord(word, start_s, end_s))
        start_s = end_s
    return found


OFFERED = audible(OFFER)


def own(
    said: str, behind: str, delay_s: float, *, final: bool = True, speaking: bool = True
) -> str:
    """What is the caller's of `said`, begun `delay_s` after Otto's word `behind`, last said."""
    start_s = [word for word in OFFERED if word.text == behind][-1].start_s + delay_s
    end_s = start_s + 0.3 * len(said.split())
    until_s = end_s + 0.3
    heard = [word for word in OFFERED if word.start_s < until_s]
    return own_words(said, start_s, end_s, heard, is_final=final, is_speaking=speaking)


@pytest.mark.parametrize(
    ("said", "behind", "delay_s"),
    [
        ("We have Tuesday at nine or ten", "we", 0.3),
        ("Tuesday at 9 or 10", "tuesday", 0.3),
        ("tuesday at nine", "tuesday", 0.3),
        ("two stay at nine or ten", "tuesday", 0.3),
        ("tuesday at nine ten or wednesday", "tuesday", 0.3),
        ("we have tuesday nine or ten or wednesdays", "we", 0.3),
        ("which would suit you", "which", 0.1),
        ("which wood suit you best", "which", 0.5),
        ("tuesday at nine or ten or wednesday at two which", "tuesday", 1.8),
        ("we have", "we", 0.7),
        ("nine or", "nine", 0.3),
        ("suit", "suit", 0.2),
    ],
)
def test_what_is_echo_while_otto_speaks(said: str, behind: str, delay_s: float) -> None:
    assert own(said, behind, delay_s) == ""
    assert own(said, behind, delay_s, final=False) == ""


@pytest.mark.parametrize(
    ("said", "behind", "delay_s"),
    [
        # A word or two of Otto's, later than an echo: the caller takes what was offered.
        ("nine thirty", "nine", 0.9),
        ("ten", "ten", 0.7),
        ("Tuesday ten", "ten", 0.8),
        ("Tuesday at nine", "nine", 1.2),
        ("Tuesday at nine would suit me best", "which", 0.3),
        ("Wednesday at two would suit me", "which", 0.3),
        # Their own words, also with Otto's among them.
        ("no Tuesday at nine", "nine", 0.6),
        ("yes tuesday at nine", "tuesday", 0.3),
        ("not Wednesday at two", "wednesday", 0.3),
        ("Friday at nine or ten", "tuesday", 0.3),
        ("do you have Thursday at nine", "have", 0.3),
        ("what about Wednesday at nine", "tuesday", 0.3),
        ("can I come at ten", "nine", 0.4),
        ("I have a flat tire", "we", 0.3),
        ("stop", "which", 0.1),
        ("which of them is the cheapest", "which", 0.4),
    ],
)
def test_what_is_the_callers_while_otto_speaks(said: str, behind: str, delay_s: float) -> None:
    assert own(said, behind, delay_s) == said


@pytest.mark.parametrize(
    ("said", "behind", "rest"),
    [
        ("tuesday at nine or ten yes please", "tuesday", "yes please"),
        ("tuesday at nine or ten. Ten, please.", "tuesday", "Ten, please."),
        ("which would suit you best Tuesday", "which", "Tuesday"),
        ("which would suit you best, the first one", "which", "the first one"),
        ("we have tuesday at nine wait", "we", "wait"),
        ("tuesday at 9:00 or 10:00 Friday is better", "tuesday", "Friday is better"),
    ],
)
def test_an_answer_on_top_of_an_echo(said: str, behind: str, rest: str) -> None:
    assert own(said, behind, 0.3) == rest
    assert own(said, behind, 0.3, final=False) == rest


@pytest.mark.parametrize(
    ("said", "behind", "delay_s", "is_echo"),
    [
        # The recogniser tells of the end when Otto has finished already.
        ("which would suit you best", "which", 0.3, True),
        ("suit you best", "suit", 0.3, True),
        ("you best", "you", 0.3, True),
        ("wednesday at two which would suit you", "wednesday", 0.4, True),
        # Begun when Otto had finished, or not with its last words.
        ("which would suit you best", "best", 0.5, False),
        ("Wednesday at two", "best", 0.1, False),
        ("Tuesday at nine", "you", 0.1, False),
        ("Wednesday", "best", 0.1, False),
        ("best", "best", 0.1, False),
        ("yes", "best", 0.1, False),
    ],
)
def test_what_comes_when_otto_has_finished(
    said: str, behind: str, delay_s: float, is_echo: bool
) -> None:
    assert own(said, behind, delay_s, speaking=False) == ("" if is_echo else said)


def test_two_words_that_are_not_final_wait_for_what_they_become() -> None:
    assert own("nine or", "nine", 0.9, final=False) == ""
    assert own("nine or", "nine", 0.9) == "nine or"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Tuesday, November 24 at 9:00 AM.", "tuesday november twenty fourth at nine am"),
        ("That is $79.95.", "that is 79 dollars and 95 cents"),
        ("Is 312-555-0142 right?", "is three one two, triple five, zero one four two right"),
    ],
)
def test_figures_are_compared_as_they_are_spoken(written: str, said: str) -> None:
    words = audible(written)
    assert own_words(said, 0.3, words[-1].end_s + 0.3, words, is_final=True, is_speaking=True) == ""


def test_nothing_audible_leaves_a_transcript_as_it_is() -> None:
    assert own_words("Tuesday", 5.0, 5.4, [], is_final=True, is_speaking=False) == "Tuesday"
    assert own_words(OFFER, 60.0, 65.0, OFFERED, is_final=True, is_speaking=False) == OFFER


WORDS = st.sampled_from(sorted(set(spoken_words(OFFER)) - {"to"}))
OTHERS = st.sampled_from("flat tire squeaks brake noise engine lamp Friday maybe".split())
MISHEARD = {"tuesday": "tuesdays", "would": "wood", "which": "witch", "wednesday": "wednesdays"}


@given(
    st.integers(0, len(OFFERED) - 5),
    st.integers(5, len(OFFERED)),
    st.floats(0.05, 0.6),
    st.integers(1, 3),
    st.sampled_from(["whole", "lost", "misheard"]),
    st.booleans(),
)
def test_any_stretch_of_otto_is_echo_though_a_word_is_lost_or_misheard(
    first: int, count: int, delay_s: float, at: int, how: str, final: bool
) -> None:
    stretch = OFFERED[first : first + count]
    words = [word.text for word in stretch]
    if how == "lost":
        del words[at]
    elif how == "misheard":
        words = [MISHEARD.get(word, word) for word in words]
    start_s, end_s = stretch[0].start_s + delay_s, stretch[-1].end_s + delay_s
    heard = [word for word in OFFERED if word.start_s < end_s + 0.3]
    said = " ".join(words)
    assert own_words(said, start_s, end_s, heard, is_final=final, is_speaking=True) == ""


@given(st.lists(WORDS | OTHERS, min_size=1, max_size=8), st.floats(0.0, 3.0), st.booleans())
def test_nothing_that_begins_when_otto_has_finished_is_echo(
    words: list[str], after_s: float, final: bool
) -> None:
    said = " ".join(words)
    start_s = OFFERED[-1].end_s + after_s
    end_s = start_s + 0.3 * len(words)
    assert own_words(said, start_s, end_s, OFFERED, is_final=final, is_speaking=False) == said


@given(st.lists(OTHERS, min_size=1, max_size=8), st.floats(0.0, 6.0), st.booleans(), st.booleans())
def test_words_that_otto_did_not_say_are_the_callers(
    words: list[str], start_s: float, final: bool, speaking: bool
) -> None:
    said = " ".join(words)
    own = own_words(said, start_s, start_s + 1, OFFERED, is_final=final, is_speaking=speaking)
    assert own == said


@given(
    st.text(max_size=60) | st.lists(WORDS | OTHERS, max_size=12).map(" ".join),
    st.floats(-1.0, 8.0),
    st.floats(0.0, 5.0),
    st.booleans(),
    st.booleans(),
)
def test_whatever_is_said_the_end_of_it_is_left(
    said: str, start_s: float, length_s: float, final: bool, speaking: bool
) -> None:
    end_s = start_s + length_s
    left = own_words(said, start_s, end_s, OFFERED, is_final=final, is_speaking=speaking)
    assert left == said or said.split()[len(said.split()) - len(left.split()) :] == left.split()


# Whole calls

DELAY_S = 0.25
"""From Otto's word on the line to the recogniser's ear."""


class Speakerphone:
    """Gives a call's recogniser what Otto says, as it would hear it.

    `reply` is the latest one; its words are addressed as [first, last).
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        telephone = call.telephone
        self._generation = telephone.generations[-1]
        sentences = zip(telephone.said, telephone.generations, strict=True)
        self._words = " ".join(
            text for text, generation in sentences if generation == self._generation
        ).split()

    def _at_s(self, index: int) -> float:
        """When the word begins to be audible."""
        characters = sum(len(word) + 1 for word in self._words[:index])
        began_s = self._call.telephone._playing_s[self._generation]
        return began_s + characters * MS_PER_CHARACTER / 1000 + DELAY_S

    async def hear(
        self,
        first: int,
        last: int,
        *,
        final: bool = True,
        on_top: str = "",
        takes_s: float = 0.0,
        late_s: float = 0.3,
    ) -> None:
        """Interims as the words come, and a final `late_s` after the last of them, or of what the
        caller says `on_top`, which `takes_s`."""
        start_s = self._at_s(first)
        for index in range(first + 1, last + 1):
            await self._until(self._at_s(index))
            self._tell(start_s, self._words[first:index], final=False)
        if final:
            await asyncio.sleep(takes_s + late_s)
            self._tell(start_s, [*self._words[first:last], on_top], final=True, late_s=late_s)

    def _tell(self, start_s: float, words: list[str], *, final: bool, late_s: float = 0.0) -> None:
        anchor_s = self._call.anchor_s
        start_ms, end_ms = ((at_s - anchor_s) * 1000 for at_s in (start_s, now_s() - late_s))
        text = " ".join(words).strip().lower()
        self._call.conversation.on_event(
            Transcript(text, final, final, round(start_ms), round(end_ms))
        )

    async def _until(self, at_s: float) -> None:
        await asyncio.sleep(max(0.0, at_s - now_s()))


async def speaking(ring: Any, *steps: Step, after_s: float = 0.5) -> tuple[Call, Speakerphone]:
    """A call in which Otto has begun to make its offer, on a speakerphone."""
    call: Call = await ring()
    whens = ("Tuesday at 9:00 AM", "Tuesday at 10:00 AM", "Wednesday at 2:00 PM")
    found = json.dumps({"openings": [{"when": when} for when in whens]})
    call.conversation.session.history.otto("", [ToolCall("c", "find_openings", "{}")], [found])
    call.language_model.script += steps or (Step(OFFER),)
    await call.say("When can I come")
    await asyncio.sleep(0.3 + after_s)
    return call, Speakerphone(call)


async def test_a_whole_answer_that_comes_back_is_neither_barge_in_nor_turn(ring: Any) -> None:
    call, phone = await speaking(ring)
    await phone.hear(0, len(OFFER.split()))
    await call.until_quiet()
    await asyncio.sleep(3)
    assert call.telephone.said[1:] == [OFFER]
    assert call.telephone.cleared == []
    assert len(call.language_model.requests) == 1
    await call.conversation.close()


@pytest.mark.parametrize(("first", "last"), [(2, 5), (2, 7), (0, 2), (8, 11), (11, 16), (12, 16)])
async def test_a_fragment_that_comes_back_is_nothing(ring: Any, first: int, last: int) -> None:
    call, phone = await speaking(ring)
    await phone.hear(first, last)
    await call.until_quiet()
    await asyncio.sleep(3)
    assert (call.telephone.said[1:], call.telephone.cleared) == ([OFFER], [])
    assert len(call.language_model.requests) == 1
    await call.conversation.close()


async def test_the_greeting_that_comes_back_is_no_turn(ring: Any) -> None:
    call: Call = await ring(greeted=False)
    await asyncio.sleep(0.2)
    phone = Speakerphone(call)
    await phone.hear(0, len(call.context.phrases.greeting.split()), late_s=1.0)
    await call.until_quiet()
    await asyncio.sleep(3)
    assert call.telephone.said == [call.context.phrases.greeting]
    assert call.language_model.requests == []
    await call.conversation.close()


async def test_a_filler_that_comes_back_costs_no_answer(ring: Any) -> None:
    call, phone = await speaking(ring, Step("Which day?", delay_s=6.0), after_s=3.0)
    assert call.telephone.said[-1] == call.context.phrases.one_moment
    await phone.hear(0, 3)
    await call.until_quiet()
    assert call.telephone.said[1:] == [call.context.phrases.one_moment, "Which day?"]
    assert len(call.language_model.requests) == 1
    await call.conversation.close()


async def test_are_you_still_there_that_comes_back_is_no_answer(ring: Any) -> None:
    call: Call = await ring(no_input_s=3.0)
    await asyncio.sleep(3.2)
    assert call.telephone.said[-1] == call.context.phrases.still_there
    await Speakerphone(call).hear(0, 4)
    await asyncio.sleep(2.0)
    assert call.language_model.requests == []
    await call.conversation.close()


async def test_the_goodbye_that_comes_back_does_not_keep_the_call(ring: Any) -> None:
    goodbye = "Thank you very much for calling us today. Goodbye."
    end_call = ("end_call", {"reason": "done"})
    call, phone = await speaking(ring, Step(goodbye, (end_call,)))
    await phone.hear(0, 6, late_s=0.5)
    await asyncio.wait_for(call.conversation.ended.wait(), 5)
    assert call.telephone.cleared == []
    await call.conversation.close()


async def test_an_answer_on_top_of_the_echo_is_answered_without_it(ring: Any) -> None:
    call, phone = await speaking(ring, Step(OFFER), Step("Ten it is."))
    await phone.hear(2, 7, on_top="ten yes please", takes_s=0.9)
    await call.until_quiet()
    assert asked(call)[-1] == "ten yes please"
    assert call.telephone.said[-1] == "Ten it is."
    await call.conversation.close()


async def test_two_words_of_an_offer_said_over_it_interrupt(ring: Any) -> None:
    call, _ = await speaking(ring, Step(OFFER), Step("Nine it is."), after_s=2.4)
    # "nine" was audible from 1.1 to 1.4 s, and now it is 2.4 s.
    await call.say("at nine")
    await call.until_quiet()
    assert asked(call)[-1] == "at nine"
    assert call.telephone.cleared
    await call.conversation.close()


@pytest.mark.parametrize("answer", ["Tuesday at nine.", "Wednesday at two", "ten", "which would"])
async def test_ottos_words_as_an_answer_when_it_has_finished(ring: Any, answer: str) -> None:
    call, phone = await speaking(ring, Step(OFFER), Step("Certainly."))
    await phone.hear(0, 16)
    await call.until_quiet()
    await asyncio.sleep(0.7)
    await call.say(answer)
    await call.until_quiet()
    assert asked(call)[-1] == answer
    assert call.telephone.said[-1] == "Certainly."
    await call.conversation.close()


async def test_an_echo_of_what_was_cut_off_does_not_become_the_callers_turn(ring: Any) -> None:
    call, phone = await speaking(ring, Step(OFFER), Step("Friday is fine."))
    await phone.hear(2, 6, final=False)
    await call.say("no wait Friday", final=False)
    await phone.hear(2, 7, late_s=0.1)
    await call.say("no wait Friday please")
    await call.until_quiet()
    assert asked(call)[-1] == "no wait Friday please"
    await call.conversation.close()
