"""What holds in every call, whatever is said and comes of it; nobody passes the table by."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.dealership import Dealership
from otto.dialogue.flow.following import Following
from otto.dialogue.flow.machine import allowed_tools, came, denial, hears
from otto.dialogue.flow.prompt_files import shipped_prompts
from otto.dialogue.flow.table import COMES_TO, GRANTS, WHO, Came
from otto.dialogue.session.errands import Errand
from otto.dialogue.session.slots import SlotName
from otto.dialogue.session.state import Identity, Session
from otto.dialogue.tools.schemas import tool_schemas
from otto.dialogue.turns.taker import Turn
from tests.dialogue.flow.test_errands_table import SENTENCES
from tests.dialogue.flow.walks import AT, CIVIC, MARIA, SLOT, TUESDAY
from tests.support.call import Step

OTTO = Path(__file__).parents[3] / "otto"
ALWAYS = {"dealership_info", "request_callback", "transfer_to_person", "end_call"}
OF_THE_BOOK = {"book_appointment", "my_appointments", "reschedule_appointment"}
OF_THE_BOOK |= {"cancel_appointment", "repair_status"}


def test_nobody_else_says_who_calls_or_what_is_under_way() -> None:
    """A tool that set it by itself would grant itself what the table does not."""
    found = []
    for path in sorted(OTTO.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            targets = node.targets if isinstance(node, ast.Assign) else []
            names = [part for target in targets for part in ast.walk(target)]
            found += [
                str(path.relative_to(OTTO))
                for name in names
                if isinstance(name, ast.Attribute) and name.attr in {"identity", "errand"}
            ]
    assert {*found} == {"dialogue/flow/machine.py", "dialogue/session/state.py"}, "and `renewed`"


def test_every_tool_there_is_has_its_grant(dealership: Dealership) -> None:
    assert {grant.tool for grant in GRANTS} == {*tool_schemas(dealership)}
    assert {tool for tool, _ in COMES_TO} <= {*tool_schemas(dealership)}


@pytest.mark.parametrize("errand", Errand)
@pytest.mark.parametrize("identity", Identity)
def test_whatever_is_not_offered_is_denied_in_a_sentence(
    identity: Identity, errand: Errand, dealership: Dealership
) -> None:
    session = Session.begin("CA1", MARIA, "+13125550100", AT)
    session.identity, session.errand = identity, errand
    offered = allowed_tools(session)
    assert offered >= ALWAYS, "a person and a goodbye are never out of reach"
    for name in {*tool_schemas(dealership), "make_coffee"} - offered:
        assert denial(name, session).endswith(".")


WHO_TABLE = """
                unknown   not_found found     claimed   verified  created   locked
number known    found     found     .         found     .         .         .
number unknown  not_found .         .         not_found .         .         .
number said     claimed   claimed   .         .         .         .         .
proved          .         .         verified  verified  .         .         .
locked          .         .         locked    locked    .         .         .
entered         .         created   created   .         .         .         .
in the book     .         found     .         .         .         .         .
"""


def test_what_leads_from_whom_to_whom() -> None:
    head, *rows = WHO_TABLE.strip("\n").splitlines()
    events = {event for row in WHO for event in row.events}
    assert {row[:16].strip() for row in rows} == {event.value for event in events}
    for row in rows:
        event = Came(row[:16].strip())
        for before, after in zip(head.split(), row[16:].split(), strict=True):
            tool, status = next(result for result, came in COMES_TO.items() if came is event)
            session = Session.begin("CA1", MARIA, "+13125550100", AT)
            session.identity = Identity(before)
            came(session, tool, {}, {"status": status})
            assert session.identity.value == (before if after == "." else after), (event, before)


@pytest.mark.parametrize("code", ["read_back", "differs"])
def test_a_tool_that_asks_back_moves_nothing(code: str) -> None:
    session = Session.begin("CA1", MARIA, "+13125550100", AT)
    for tool, status in COMES_TO:
        came(session, tool, {}, {"status": status, "code": code})
    assert (session.identity, session.errand) == (Identity.UNKNOWN, Errand.OPEN)


moves = st.one_of(
    st.sampled_from([*SENTENCES.values()]),
    st.text(max_size=30),
    st.sampled_from([*COMES_TO]),
    st.sampled_from(["offer", "tell", "car"]),
)


@given(st.lists(moves, max_size=25), st.sampled_from(Identity))
def test_in_any_order_nothing_is_granted_that_was_not_proved(
    played: list[Any], begins: Identity
) -> None:
    session = Session.begin("CA1", MARIA, "+13125550100", AT)
    session.identity = begins
    for move in played:
        before, errand = session.identity, session.errand
        match move:
            case "offer":
                session.offers["s-1"] = SLOT
            case "tell":
                session.appointments = [TUESDAY]
            case "car":
                session.vehicles = [CIVIC]
            case str():
                hears(session, move)
            case (tool, status):
                came(session, tool, {}, {"status": status})
                proof = COMES_TO[move] in {Came.PROVED, Came.ENTERED}
                assert proof or session.identity.trusted <= before.trusted
        assert before is not Identity.LOCKED or session.identity is Identity.LOCKED
        assert errand is not Errand.DANGER or session.errand in {Errand.DANGER, Errand.TOW}
        offered = allowed_tools(session)
        assert session.identity.trusted or not offered & OF_THE_BOOK
        assert offered >= ALWAYS
        assert session.errand not in session.waiting
        assert len({*session.waiting}) == len(session.waiting)
        again = Session.load(json.loads(json.dumps(session.dump())))
        assert (again.errand, again.waiting) == (session.errand, session.waiting)


@pytest.mark.looptime
async def test_where_a_call_stands_outlives_its_actor(ring: Any) -> None:
    call = await ring()
    await call.turn("is my car ready", Step("May I have your date of birth?"))
    await call.turn("and I need an oil change, too", Step("What is your date of birth?"))
    await call.turn("grumble", Step("What is your date of birth?"))
    before = call.conversation.session
    call.kill()
    heir = await ring(memory=call.memory, greeted=False)
    await heir.until_quiet()
    after = heir.conversation.session
    assert after is not before and after.slots == before.slots
    assert after.slots[SlotName.BIRTH_DATE].asked == 2
    assert (after.errand, after.waiting) == (Errand.REPAIR, [Errand.BOOK])
    await heir.turn("mumble")
    assert heir.telephone.said[-1] == heir.context.phrases.offer_person


@pytest.mark.parametrize("answer", ["no thanks", "no, that's okay", "never mind"])
def test_who_does_without_a_person_goes_on_where_they_were(
    dealership: Dealership, answer: str
) -> None:
    session = Session.begin("CA1", MARIA, "+13125550100", AT)
    following = Following(
        session, dealership, dealership.locations[0], lambda: AT, shipped_prompts()
    )
    for said in ("I need an oil change", "let me speak to a person"):
        following.take_up(Turn(said))
    offer = "Shall I have someone call you back when we open at 7:30 AM tomorrow?"
    session.history.otto(f"The service desk is closed right now. {offer}")
    following.take_up(Turn(answer))
    assert (session.errand, session.waiting) == (Errand.BOOK, [])
