"""`<Dial>`: a call meets another one, in a conference or on a number that is dialled for it.

What is said there is fixed: the desk greets, the caller thanks, and after a while one of them
hangs up (sandbox.twilio.desk). Each side keeps what has reached it, as evidence.
"""

from __future__ import annotations

import asyncio

from sandbox.audio import carrier
from sandbox.twilio import desk, twiml
from sandbox.twilio.conference import Participant, Room
from sandbox.twilio.parts import Line
from sandbox.twilio.plan import CallPlan

CONFERENCE_FULL = 16025
SILENT_HOLD_S = 3600.0


async def dial(call: Line, verb: twiml.Dial) -> str | None:
    """Carry the verb out; the next document, or None for the next verb."""
    if verb.conference is not None:
        done = await _meet(call, verb.conference)
    else:
        done = await _dial_number(call, verb)
    return await call.webhooks.fetch(verb.action, verb.method, done) if verb.action else None


async def meet_parent(call: Line, room: Room) -> None:
    """A call that was dialled for another one is connected with it."""
    await _talk_in(call, room, Participant(call.sid, "callee", starts=True, ends=True))


async def _meet(call: Line, noun: twiml.Conference) -> dict[str, str]:
    rooms = call.exchange.rooms
    room, is_new = rooms.find(noun.name)
    if len(room.participants) >= noun.max_participants:
        call.record.warn(CONFERENCE_FULL, "the conference is full")
        return {"DialCallStatus": "failed"}
    if is_new:
        call.world.spawn(room.carry(), name=f"conference {room.sid}")
    me = Participant(call.sid, noun.label, noun.starts, noun.ends)
    holding = asyncio.create_task(_hold(call, noun, room))
    try:
        await _talk_in(call, room, me, holding)
    finally:
        holding.cancel()
        await asyncio.gather(holding, return_exceptions=True)
        if room.ended.is_set():
            rooms.close(room)
    return {"DialCallStatus": "answered", "ConferenceSid": room.sid}


async def _hold(call: Line, noun: twiml.Conference, room: Room) -> None:
    """What is heard in a conference that has not started, again and again."""
    if noun.wait_url is None or not noun.wait_url:
        await asyncio.sleep(SILENT_HOLD_S)
    url, method = noun.wait_url or "", noun.wait_method
    where = {"ConferenceSid": room.sid, "FriendlyName": room.name}
    while not room.started.is_set():
        document = await call.webhooks.fetch(url, method, where)
        for verb in twiml.parse(document):
            if isinstance(verb, twiml.Redirect):
                url, method = verb.url, verb.method
            elif isinstance(verb, twiml.Say | twiml.Play | twiml.Pause):
                await call.perform(verb)
            else:
                call.record.warn(13223, f"<{type(verb).__name__}> in a waitUrl")


async def _talk_in(
    call: Line, room: Room, me: Participant, holding: asyncio.Task[None] | None = None
) -> None:
    """Be in the room until it ends for this call."""
    call.met.append(me)
    room.enter(me)
    waits = [asyncio.create_task(each.wait()) for each in (room.started, room.ended)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        if holding is not None:
            holding.cancel()
        if not room.ended.is_set():
            await _talk(call, me)
        await room.ended.wait()
    finally:
        for each in waits:
            each.cancel()
        room.leave(me)


async def _talk(call: Line, me: Participant) -> None:
    """Say one's part; then hang up, if it is this side's turn to."""
    setting, is_desk = call.exchange.desk, call.plan.is_desk
    call.record.event("line", "desk_spoke", call.plan.to_number)
    if not is_desk:
        call.caller.mind.transferred()
    if not (is_desk and setting.behaviour == "silent"):
        me.say(await _voice(call, desk.GREETING if is_desk else desk.CALLERS_WORDS))
    await asyncio.sleep(setting.talk_ms / 1000)
    if is_desk is (setting.behaviour == "leaves"):
        call.hang_up("desk" if is_desk else "transferred")


async def _voice(call: Line, text: str) -> bytes:
    if call.plan.speech == "known":
        return carrier.encode(text)
    return await call.world.voices.synthesise(text, call.plan.persona.voice)


async def _dial_number(call: Line, verb: twiml.Dial) -> dict[str, str]:
    call.record.event("line", "dialling", verb.number)
    room = Room(f"line of {call.sid}")
    leg = call.exchange.dial_for(
        call,
        CallPlan(
            persona=call.plan.persona,
            direction="outbound-dial",
            from_number=call.plan.from_number,
            to_number=verb.number,
            speech=call.plan.speech,
            url=call.webhooks.absolute(verb.url) if verb.url else "",
            method=verb.url_method,
            ring_timeout_s=verb.timeout_s,
            is_desk=True,
            parent_sid=call.sid,
            bridge=room,
        ),
    )
    carrying = call.world.spawn(room.carry(), name=f"line of {call.sid}")
    me = Participant(call.sid, "caller", starts=False, ends=True)
    meeting = asyncio.create_task(_talk_in(call, room, me))
    ending = asyncio.create_task(leg.over())
    try:
        await asyncio.wait((meeting, ending), return_when=asyncio.FIRST_COMPLETED)
        if room.started.is_set():
            await meeting
    finally:
        for task in (meeting, ending):
            task.cancel()
        await asyncio.gather(meeting, ending, return_exceptions=True)
        room.ended.set()
        room.started.set()
        await carrying
        leg.hang_up("parent")
    met = any(each.label == "callee" for each in leg.met)
    unmet = leg.status if leg.status in {"busy", "failed", "no-answer"} else "no-answer"
    return {
        "DialCallSid": leg.sid,
        "DialCallStatus": "completed" if met else unmet,
        "DialCallDuration": str(leg.duration_s),
    }
