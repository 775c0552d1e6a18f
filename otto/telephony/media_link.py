"""The media link: audio between the ingress, which holds Twilio's socket, and a call's workers.

A plain TCP connection per role, because a frame of audio must not cost an actor call: one of
those takes milliseconds of CPU, and there are fifty frames a second each way. This is the front
of three modules: `link_frames` (the bytes), `link_server` (the ingress), `link_client` (the
workers).

Events that the control connection carries to the call actor:

    {"event": "playing", "generation": g}    the first audio of g was written to Twilio
    {"event": "mark", "generation": g, "index": i, "cleared": bool}
    {"event": "dtmf", "digit": "5", "number": n}    the n-th key of the stream; a call actor that
                                                    takes the call over is told all of them
    {"event": "silent", "role": "uplink"}    that role's worker gives no sign of life
    {"event": "stop"}                        Twilio ended the stream
    {"event": "lost"}                        Twilio's socket broke
"""

from otto.telephony.link_client import (
    Control,
    Downlink,
    Uplink,
    connect_control,
    connect_downlink,
    connect_uplink,
)
from otto.telephony.link_frames import Frame, FrameDecoder, LinkError, Role, encode
from otto.telephony.link_ring import RING_S
from otto.telephony.link_server import Link, LinkServer, LinkSink

__all__ = [
    "RING_S",
    "Control",
    "Downlink",
    "Frame",
    "FrameDecoder",
    "Link",
    "LinkError",
    "LinkServer",
    "LinkSink",
    "Role",
    "Uplink",
    "connect_control",
    "connect_downlink",
    "connect_uplink",
    "encode",
]
