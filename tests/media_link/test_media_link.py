"""The media link over real sockets: attach, replay, fencing, loss, overflow and bad peers."""

import asyncio
import socket
import struct

import pytest

from otto.media_link import link as link_module
from otto.media_link import peer as link_peer
from otto.media_link import server as link_server
from otto.media_link.client import connect_control, connect_downlink, connect_uplink
from otto.media_link.events import KeyPressed, LineStopped, MarkPlayed, Playing, WorkerSilent
from otto.media_link.frames import Kind, LinkError, Role, encode_json
from otto.media_link.link import MAX_KEYS_KEPT
from otto.media_link.server import LinkServer

FRAME = bytes(range(160))


class Sink:
    """Records what a link delivers; `changed` is set by each delivery."""

    def __init__(self):
        self.seen = []
        self.changed = asyncio.Event()

    def _note(self, *what):
        self.seen.append(what)
        self.changed.set()

    def on_audio(self, generation, mulaw):
        self._note("audio", generation, mulaw)

    def on_mark(self, generation, index):
        self._note("mark", generation, index)

    def on_clear(self, generation):
        self._note("clear", generation)

    def on_hangup(self):
        self._note("hangup")

    def on_control_attached(self):
        self._note("attached")

    def on_control_lost(self):
        self._note("lost")

    async def until(self, *what):
        async with asyncio.timeout(5):
            while what not in self.seen:
                self.changed.clear()
                await self.changed.wait()


@pytest.fixture
async def server():
    server = LinkServer()
    await server.start()
    yield server
    await server.close()
    async with asyncio.timeout(5):
        while server.connections:
            await asyncio.sleep(0)


@pytest.fixture
def sink():
    return Sink()


async def read_ms(uplink, until_ms):
    """Everything read until media time `until_ms`, as (first ms, bytes)."""
    first, audio = None, b""
    async with asyncio.timeout(5):
        while first is None or first + len(audio) // 8 < until_ms:
            at_ms, more = await uplink.read()
            first = at_ms if first is None else first
            audio += more
    return first, audio


async def test_uplink_delivers_frames_as_they_come(server, sink):
    link = server.open("CA1", sink)
    uplink = await connect_uplink(server.address, link.invite(Role.UPLINK))
    for number in range(5):
        link.push_audio(number * 20, FRAME)
        assert await uplink.read() == (number * 20, FRAME)
    await uplink.close()


async def test_waiting_frames_are_joined_but_never_across_a_gap(server, sink):
    link = server.open("CA1", sink)
    for at_ms in (0, 20, 40, 500, 520):
        link.push_audio(at_ms, FRAME)
    uplink = await connect_uplink(server.address, link.invite(Role.UPLINK))
    assert await uplink.read() == (0, FRAME * 3)
    assert await uplink.read() == (500, FRAME * 2)
    await uplink.close()


async def test_a_worker_may_have_frames_joined_and_loses_none_at_the_end(server, sink):
    link = server.open("CA1", sink)
    uplink = await connect_uplink(server.address, link.invite(Role.UPLINK), join_ms=60)
    for number in range(8):
        link.push_audio(number * 20, FRAME)
        await asyncio.sleep(0.01)
    assert await uplink.read() == (0, FRAME * 6)  # two writes of three frames were waiting
    reading = asyncio.create_task(uplink.read())
    await asyncio.sleep(0.01)
    assert not reading.done()
    link.close("stop")
    assert await reading == (120, FRAME * 2)
    assert await uplink.read() is None


@pytest.mark.parametrize("nonsense", [-5, "x", None, 10**12])
async def test_a_nonsensical_hello_is_taken_at_its_safest(server, sink, nonsense):
    link = server.open("CA1", sink)
    for number in range(20):
        link.push_audio(number * 20, FRAME)
    uplink = await connect_uplink(
        server.address, link.invite(Role.UPLINK), from_ms=nonsense, join_ms=nonsense
    )
    for number in range(20, 40):
        link.push_audio(number * 20, FRAME)
    link.close("stop")
    heard = b""
    while (read := await uplink.read()) is not None:
        heard += read[1]
    assert heard == FRAME * (20 if nonsense == 10**12 else 40)


async def test_a_worker_that_comes_late_is_replayed_the_last_ten_seconds(server, sink):
    link = server.open("CA1", sink)
    for number in range(600):  # 12 s
        link.push_audio(number * 20, FRAME)
    uplink = await connect_uplink(server.address, link.invite(Role.UPLINK))
    first, audio = await read_ms(uplink, 12_000)
    assert (first, len(audio)) == (2_000, 80_000)
    assert link.dropped_frames == 100
    await uplink.close()


async def test_a_restarted_worker_resumes_where_it_was(server, sink):
    link = server.open("CA1", sink)
    older = await connect_uplink(server.address, link.invite(Role.UPLINK))
    for number in range(50):
        link.push_audio(number * 20, FRAME)
    await read_ms(older, 1000)
    newer = await connect_uplink(server.address, link.invite(Role.UPLINK), from_ms=610)
    assert await older.read() is None  # replaced
    first, audio = await read_ms(newer, 1000)
    assert (first, len(audio)) == (600, 400 * 8)
    link.push_audio(1000, FRAME)
    assert await newer.read() == (1000, FRAME)
    await newer.close()


async def test_a_stalled_worker_loses_the_oldest_audio_and_the_ingress_nothing(
    server, sink, monkeypatch
):
    link = server.open("CA1", sink)
    stalled = await connect_uplink(server.address, link.invite(Role.UPLINK))
    stalled._end._transport.pause_reading()
    seconds = 120
    for number in range(seconds * 50):
        link.push_audio(number * 20, FRAME)
        if number % 500 == 0:
            await asyncio.sleep(0)
    assert link.dropped_frames > 0
    ring = link._ring
    assert len(ring._kept) <= 500
    stalled._end._transport.resume_reading()
    last, total = 0, 0
    async with asyncio.timeout(5):
        while last < seconds * 1000:
            at_ms, audio = await stalled.read()
            total += len(audio)
            assert at_ms >= last  # never backwards, never twice
            last = at_ms + len(audio) // 8
    assert total == seconds * 8000 - link.dropped_frames * 160
    await stalled.close()


async def test_downlink_and_marks_keep_their_order(server, sink):
    link = server.open("CA1", sink)
    downlink = await connect_downlink(server.address, link.invite(Role.DOWNLINK))
    big = bytes(100_000)
    downlink.send_audio(1, FRAME)
    downlink.send_mark(1, 0)
    downlink.send_audio(1, big)
    downlink.send_mark(1, 1)
    await downlink.drain()
    await sink.until("mark", 1, 1)
    assert sink.seen[:2] == [("audio", 1, FRAME), ("mark", 1, 0)]
    assert b"".join(what[2] for what in sink.seen[2:-1]) == big
    assert link.latest_generation == 1
    await downlink.close()


async def test_clear_fences_what_arrives_late_and_answers_its_marks(server, sink):
    link = server.open("CA1", sink)
    control = await connect_control(server.address, link.invite(Role.CONTROL))
    downlink = await connect_downlink(server.address, link.invite(Role.DOWNLINK))
    control.clear(3)
    await sink.until("clear", 3)
    downlink.send_audio(3, FRAME)
    downlink.send_mark(3, 7)
    downlink.send_audio(2, FRAME)
    downlink.send_audio(4, FRAME)
    await sink.until("audio", 4, FRAME)
    assert sink.seen == [("attached",), ("clear", 3), ("audio", 4, FRAME)]
    assert await control.read() == MarkPlayed(3, 7, True)
    control.clear(2)  # older: already done
    control.hangup()
    await sink.until("hangup")
    assert ("clear", 2) not in sink.seen
    await control.close()
    await downlink.close()


async def test_events_wait_for_the_control_peer(server, sink):
    link = server.open("CA1", sink)
    link.push_event(Playing(1))
    control = await connect_control(server.address, link.invite(Role.CONTROL))
    link.push_event(LineStopped())
    assert await control.read() == Playing(1)
    assert await control.read() == LineStopped()
    link.close("stop")
    assert await control.read() is None


async def test_keys_are_told_to_every_call_actor_by_number(server, sink):
    link = server.open("CA1", sink)
    link.push_key("0")
    first = await connect_control(server.address, link.invite(Role.CONTROL))
    link.push_key("4")
    numbered = [KeyPressed(key, n) for n, key in ((1, "0"), (2, "4"))]
    assert [await first.read(), await first.read()] == numbered
    first._end._transport.abort()
    await sink.until("lost")
    link.push_key("#")
    second = await connect_control(server.address, link.invite(Role.CONTROL))
    link.push_event(LineStopped())
    numbered.append(KeyPressed("#", 3))
    assert [await second.read() for _ in range(3)] == numbered
    assert await second.read() == LineStopped(), "none of them twice"
    for key in "12345678" * 10:
        link.push_key(key)
    await second.close()
    third = await connect_control(server.address, link.invite(Role.CONTROL))
    oldest = await third.read()
    assert isinstance(oldest, KeyPressed) and oldest.number == 3 + 80 - MAX_KEYS_KEPT + 1
    await third.close()


async def test_what_a_call_actor_keeps_is_there_for_the_next(server, sink):
    link = server.open("CA1", sink)
    control = await connect_control(server.address, link.invite(Role.CONTROL))
    control.save_checkpoint(b"first")
    control.save_checkpoint(bytes(range(256)) * 200)
    with pytest.raises(LinkError, match="too_long"):
        control.save_checkpoint(bytes(70_000))
    control.hangup()
    await sink.until("hangup")
    assert link.checkpoint == bytes(range(256)) * 200
    await control.close()


async def test_a_paused_downlink_throttles_its_sender_until_clear(server, sink):
    link = server.open("CA1", sink)
    control = await connect_control(server.address, link.invite(Role.CONTROL))
    downlink = await connect_downlink(server.address, link.invite(Role.DOWNLINK))
    link.pause_speech()

    async def send():
        for index in range(200):
            downlink.send_audio(1, bytes(32_000))
            downlink.send_mark(1, index)
            await downlink.drain()

    sender = asyncio.create_task(send())
    await asyncio.wait([sender], timeout=0.3)
    assert not sender.done()
    heard = sum(len(what[2]) for what in sink.seen if what[0] == "audio")
    assert heard < 500_000
    control.clear(1)
    await asyncio.wait_for(sender, 5)
    await sink.until("clear", 1)
    await control.close()
    await downlink.close()


async def test_losing_the_call_actor_is_told_and_leaving_is_not(server, sink):
    link = server.open("CA1", sink)
    control = await connect_control(server.address, link.invite(Role.CONTROL))
    await control.close()
    dying = await connect_control(server.address, link.invite(Role.CONTROL))
    dying._end._transport.abort()
    await sink.until("lost")
    assert [what for what in sink.seen if what == ("lost",)] == [("lost",)]
    again = await connect_control(server.address, link.invite(Role.CONTROL))
    link.push_event(LineStopped())
    assert await again.read() == LineStopped()
    await again.close()


async def test_a_replaced_call_actor_is_not_a_lost_one(server, sink):
    link = server.open("CA1", sink)
    older = await connect_control(server.address, link.invite(Role.CONTROL))
    newer = await connect_control(server.address, link.invite(Role.CONTROL))
    assert await older.read() is None
    link.push_event(LineStopped())
    assert await newer.read() == LineStopped()
    assert ("lost",) not in sink.seen
    with pytest.raises(ConnectionError):
        older.clear(1)
    await newer.close()


async def test_a_wrong_or_expired_token_is_refused(server, sink):
    link = server.open("CA1", sink)
    with pytest.raises(LinkError) as caught:
        await connect_uplink(server.address, "guess")
    assert caught.value.code == "bad_token"
    connects = {
        Role.UPLINK: connect_uplink,
        Role.DOWNLINK: connect_downlink,
        Role.CONTROL: connect_control,
    }
    tokens = {role: link.invite(role) for role in Role}
    link.close("done")
    for role, connect in connects.items():
        with pytest.raises(LinkError):
            await connect(server.address, tokens[role])


async def attached(server, link):
    """A call actor, whose control connection has tokens minted for its workers."""
    return await connect_control(server.address, link.invite(Role.CONTROL))


async def test_the_control_connection_lets_each_worker_join_once(server, sink):
    link = server.open("CA1", sink)
    control = await attached(server, link)
    up, down = await asyncio.gather(control.invite(Role.UPLINK), control.invite(Role.DOWNLINK))
    uplink = await connect_uplink(server.address, up)
    downlink = await connect_downlink(server.address, down)
    for connect, token in ((connect_uplink, up), (connect_downlink, down)):
        with pytest.raises(LinkError, match="bad_token"):
            await connect(server.address, token)
    link.push_audio(0, FRAME)
    assert await uplink.read() == (0, FRAME)
    downlink.send_audio(1, FRAME)
    await sink.until("audio", 1, FRAME)
    assert link.attached == frozenset(Role)


@pytest.mark.parametrize("role", list(Role))
async def test_a_token_opens_one_role_alone(server, sink, role):
    link = server.open("CA1", sink)
    token = link.invite(role)
    connects = {
        Role.UPLINK: connect_uplink,
        Role.DOWNLINK: connect_downlink,
        Role.CONTROL: connect_control,
    }
    for other, connect in connects.items():
        if other is not role:
            with pytest.raises(LinkError, match="bad_token"):
                await connect(server.address, token)
    assert link.attached == frozenset()
    await (await connects[role](server.address, token)).close()


async def test_a_token_is_good_for_seconds(server, sink, monkeypatch):
    link = server.open("CA1", sink)
    control = await attached(server, link)
    monkeypatch.setattr(link_module, "GOOD_FOR_S", 0.0)
    token = await control.invite(Role.DOWNLINK)
    with pytest.raises(LinkError, match="bad_token"):
        await connect_downlink(server.address, token)


async def test_the_latest_token_of_a_role_is_good_alone(server, sink):
    link = server.open("CA1", sink)
    control = await attached(server, link)
    older, newer = await control.invite(Role.UPLINK), await control.invite(Role.UPLINK)
    with pytest.raises(LinkError, match="bad_token"):
        await connect_uplink(server.address, older)
    await connect_uplink(server.address, newer)


async def test_who_was_locked_out_cannot_join_by_any_token_it_has(server, sink):
    """The call goes to another call actor: the older one's workers may still live."""
    link = server.open("CA1", sink)
    zombie = await attached(server, link)
    down = await zombie.invite(Role.DOWNLINK)
    uplink = await connect_uplink(server.address, await zombie.invite(Role.UPLINK))
    link.lock_out()
    heir = await attached(server, link)
    for connect, token in ((connect_downlink, down), (connect_uplink, uplink.again)):
        with pytest.raises(LinkError, match="bad_token"):
            await connect(server.address, token)
    with pytest.raises(ConnectionError):
        await zombie.invite(Role.DOWNLINK)
    assert await heir.invite(Role.DOWNLINK)


async def test_an_uplink_may_connect_again_and_nobody_else_by_its_word(server, sink):
    link = server.open("CA1", sink)
    uplink = await connect_uplink(server.address, link.invite(Role.UPLINK))
    for number in range(3):
        link.push_audio(number * 20, FRAME)
    await uplink.close()
    again = await connect_uplink(server.address, uplink.again, from_ms=20)
    assert await again.read() == (20, FRAME * 2)
    with pytest.raises(LinkError, match="bad_token"):
        await connect_uplink(server.address, uplink.again)
    spare = link.invite(Role.UPLINK)  # another recogniser is on its way
    with pytest.raises(LinkError, match="bad_token"):
        await connect_uplink(server.address, again.again)
    await connect_uplink(server.address, spare)


@pytest.mark.parametrize("role", [Role.UPLINK, Role.DOWNLINK])
async def test_only_the_call_actor_has_tokens_minted(server, sink, role):
    link = server.open("CA1", sink)
    connect = {Role.UPLINK: connect_uplink, Role.DOWNLINK: connect_downlink}[role]
    worker = await connect(server.address, link.invite(role))
    worker._end.write(encode_json(Kind.INVITE, {"role": "control"}))
    assert (await worker._end.next_frame()).kind == Kind.REFUSED
    with pytest.raises(ConnectionError):
        await worker._end.next_frame()


@pytest.mark.parametrize("asked", [{"role": "control"}, {"role": "king"}, {}, {"role": ["uplink"]}])
async def test_nonsense_and_its_own_role_are_not_minted(server, sink, asked):
    link = server.open("CA1", sink)
    control = await attached(server, link)
    waiting = asyncio.get_running_loop().create_future()
    control._end.invitations.append(waiting)
    control._end.write(encode_json(Kind.INVITE, asked))
    with pytest.raises(ConnectionError):
        await asyncio.wait_for(waiting, 5)
    await sink.until("lost")


async def test_an_invitation_that_nobody_answers_ends_with_the_connection(server, sink):
    link = server.open("CA1", sink)
    control = await attached(server, link)
    asked = asyncio.create_task(control.invite(Role.UPLINK))
    await asyncio.sleep(0)
    control._end._transport.abort()
    with pytest.raises(ConnectionError):
        await asked


async def test_tokens_of_links_that_are_gone_are_forgotten(server, sink):
    for number in range(20):
        link = server.open(f"CA{number}", sink)
        control = await attached(server, link)
        uplink = await connect_uplink(server.address, await control.invite(Role.UPLINK))
        await control.invite(Role.DOWNLINK)
        link.close("done")
        assert await uplink.read() is None
    assert len(server._invitations) == 0


async def test_a_token_of_another_server_opens_nothing(server, sink):
    """As after a media process was replaced."""
    other = LinkServer()
    await other.start()
    token = other.open("CA1", sink).invite(Role.CONTROL)
    with pytest.raises(LinkError, match="bad_token"):
        await connect_control(server.address, token)
    await other.close()


async def test_links_do_not_hear_each_other(server):
    sinks = [Sink(), Sink()]
    links = [server.open(f"CA{i}", sinks[i]) for i in range(2)]
    downlinks = [
        await connect_downlink(server.address, link.invite(Role.DOWNLINK)) for link in links
    ]
    for number, downlink in enumerate(downlinks):
        downlink.send_audio(1, bytes([number]) * 160)
    for number in range(2):
        await sinks[number].until("audio", 1, bytes([number]) * 160)
        assert len(sinks[number].seen) == 1
    for downlink in downlinks:
        await downlink.close()


async def test_losing_the_ingress_is_a_connection_error(server, sink):
    link = server.open("CA1", sink)
    uplink = await connect_uplink(server.address, link.invite(Role.UPLINK))
    reading = asyncio.create_task(uplink.read())
    await asyncio.sleep(0)
    for peer in list(server._connections):
        peer.abort()
    with pytest.raises(ConnectionError):
        await reading
    await uplink.close()


async def test_nobody_listening_is_a_connection_error():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(OSError):
        await connect_control(f"127.0.0.1:{port}", "token")


@pytest.mark.parametrize(
    "first",
    [
        encode_json(Kind.EVENT, {}),
        struct.pack("!IB", 60_000, Kind.HELLO),
        struct.pack("!IB", 5, Kind.HELLO) + b"null",
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
async def test_a_stranger_is_turned_away(server, first):
    host, port = server.address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(first)
    answer = await asyncio.wait_for(reader.read(), 5)
    assert answer[4] == Kind.REFUSED
    writer.close()


async def test_a_known_peer_that_breaks_the_protocol_is_turned_away(server, sink):
    link = server.open("CA1", sink)
    downlink = await connect_downlink(server.address, link.invite(Role.DOWNLINK))
    downlink._end.write(encode_json(Kind.EVENT, {}))
    async with asyncio.timeout(5):
        while link.attached:
            await asyncio.sleep(0.01)
    with pytest.raises(ConnectionError):
        downlink.send_audio(1, FRAME)


async def test_a_silent_stranger_is_closed(server, monkeypatch):
    monkeypatch.setattr(link_peer, "HELLO_TIMEOUT_S", 0.05)
    host, port = server.address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    answer = await asyncio.wait_for(reader.read(), 5)
    assert b"no_hello" in answer
    writer.close()


async def test_strangers_are_few_and_shut_out_nobody_who_says_who_they_are(
    server, sink, monkeypatch
):
    monkeypatch.setattr(link_peer, "MAX_STRANGERS", 5)
    link = server.open("CA1", sink)
    control = await connect_control(server.address, link.invite(Role.CONTROL))
    host, port = server.address.split(":")
    strangers = [await asyncio.open_connection(host, int(port)) for _ in range(30)]
    async with asyncio.timeout(5):
        closed = 0
        while closed < 25:
            closed = sum(
                reader.at_eof() or reader.exception() is not None for reader, _ in strangers
            )
            await asyncio.sleep(0.01)
    assert not control.is_over
    for _, writer in strangers:
        writer.close()
    async with asyncio.timeout(5):
        while server.connections > 1:
            await asyncio.sleep(0.01)
    uplink = await connect_uplink(server.address, link.invite(Role.UPLINK))
    await uplink.close()
    await control.close()


async def test_a_half_closed_peer_is_closed(server, sink):
    link = server.open("CA1", sink)
    control = await connect_control(server.address, link.invite(Role.CONTROL))
    control._end._transport.write_eof()
    await sink.until("lost")
    assert link.attached == frozenset()
    with pytest.raises(ConnectionError):
        await control.read()


async def test_closing_does_not_wait_for_a_peer_that_does_not_read(server, sink, monkeypatch):
    monkeypatch.setattr(link_peer, "LINGER_S", 0.05)
    link = server.open("CA1", sink)
    stalled = await connect_uplink(server.address, link.invite(Role.UPLINK))
    stalled._end._transport.pause_reading()
    for number in range(5000):
        link.push_audio(number * 20, FRAME)
    link.close("stop")
    async with asyncio.timeout(5):
        while server.connections:
            await asyncio.sleep(0.01)


async def test_a_worker_that_is_stopped_is_given_up_and_the_call_actor_told(sink, monkeypatch):
    """It keeps its connection, so that nothing else tells that nobody listens any more."""
    monkeypatch.setattr(link_server, "PING_EVERY_S", 0.02)
    server = LinkServer()
    await server.start()
    link = server.open("CA1", sink)
    control = await connect_control(server.address, link.invite(Role.CONTROL))
    uplink = await connect_uplink(server.address, link.invite(Role.UPLINK))
    downlink = await connect_downlink(server.address, link.invite(Role.DOWNLINK))
    uplink._end._transport.pause_reading()  # as SIGSTOP: nothing is read, nothing answered
    async with asyncio.timeout(5):
        assert await control.read() == WorkerSilent(Role.UPLINK)
    assert link.attached == {Role.CONTROL, Role.DOWNLINK}
    successor = await connect_uplink(server.address, link.invite(Role.UPLINK))
    link.push_audio(0, FRAME)
    assert await successor.read() == (0, FRAME)
    uplink._end._transport.resume_reading()
    assert await uplink.read() is None, "who wakes up is told that the call is over for it"
    for end in (successor, downlink, control):
        await end.close()
    await server.close()


async def test_a_voice_that_is_held_back_is_not_taken_for_silent(server, sink):
    """While Twilio's socket is full nobody reads what the voice's worker answers."""
    link = server.open("CA1", sink)
    downlink = await connect_downlink(server.address, link.invite(Role.DOWNLINK))
    link.pause_speech()
    for _ in range(20):
        link.check_peers()
    assert Role.DOWNLINK in link.attached
    link.resume_speech()
    await downlink.close()


async def test_a_lost_call_actors_worker_is_nothing_to_tell_the_next_one(server, sink):
    link = server.open("CA1", sink)
    uplink = await connect_uplink(server.address, link.invite(Role.UPLINK))
    uplink._end._transport.pause_reading()
    for _ in range(20):
        link.check_peers()
    assert not link.attached
    control = await connect_control(server.address, link.invite(Role.CONTROL))
    link.push_event(Playing(1))
    assert await control.read() == Playing(1)
    uplink._end._transport.abort()
    await control.close()
