"""The media link's codec: any chunking gives the same frames, and garbage gives only LinkError."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otto.media_link.frames import (
    MAX_PAYLOAD_BYTES,
    Frame,
    FrameDecoder,
    Kind,
    LinkError,
    decode_json,
    decode_mark,
    decode_number,
    decode_number_and_audio,
    encode,
    encode_audio,
    encode_clear,
    encode_json,
    encode_mark,
)

frames = st.builds(Frame, st.sampled_from([int(kind) for kind in Kind]), st.binary(max_size=300))


@given(st.lists(frames, max_size=8), st.data())
def test_frames_survive_any_chunking(sent, data):
    stream = b"".join(encode(frame) for frame in sent)
    decoder = FrameDecoder()
    received = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        received += decoder.feed(stream[:size])
        stream = stream[size:]
    assert received == sent


@given(st.binary(max_size=600))
def test_garbage_raises_nothing_but_link_error(garbage):
    with contextlib.suppress(LinkError):
        for frame in FrameDecoder().feed(garbage):
            for decode in (decode_number_and_audio, decode_mark, decode_number, decode_json):
                with contextlib.suppress(LinkError):
                    decode(frame.payload)


@given(st.integers(0, 2**32 - 1), st.binary(max_size=400))
def test_audio_carries_its_number(number, mulaw):
    (frame,) = FrameDecoder().feed(encode_audio(Kind.AUDIO, number, mulaw))
    assert frame.kind == Kind.AUDIO
    assert decode_number_and_audio(frame.payload) == (number, mulaw)


def test_small_frames_round_trip():
    decoder = FrameDecoder()
    mark, clear, event = decoder.feed(
        encode_mark(3, 4) + encode_clear(9) + encode_json(Kind.EVENT, {"event": "stop"})
    )
    assert decode_mark(mark.payload) == (3, 4)
    assert decode_number(clear.payload) == 9
    assert decode_json(event.payload) == {"event": "stop"}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x00\x01\x00\x02\x01", "too_long"),
        (b"\x00\x00\x00\x00\x01", "empty"),
        (b"\x00\x00\x00\x01\xee", "unknown_kind"),
    ],
)
def test_a_bad_head_is_refused_before_its_payload_arrives(data, code):
    with pytest.raises(LinkError) as caught:
        FrameDecoder().feed(data)
    assert caught.value.code == code


def test_the_largest_frame_fits_and_one_byte_more_does_not():
    whole = Frame(Kind.SPEECH, bytes(MAX_PAYLOAD_BYTES))
    assert FrameDecoder().feed(encode(whole)) == [whole]
    with pytest.raises(LinkError):
        encode(Frame(Kind.SPEECH, bytes(MAX_PAYLOAD_BYTES + 1)))
    with pytest.raises(LinkError):
        encode_audio(Kind.SPEECH, 0, bytes(MAX_PAYLOAD_BYTES - 3))
