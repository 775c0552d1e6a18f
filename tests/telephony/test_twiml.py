"""TwiML as Twilio's parser would see it."""

from xml.etree import ElementTree

import pytest

from otto.telephony import twiml


def tags(text):
    return [verb.tag for verb in ElementTree.fromstring(text)]


def test_connect_has_a_way_back_for_every_ending():
    root = ElementTree.fromstring(
        twiml.connect("wss://o/media/stream", "t&<t", "https://o/after", "https://o/resume")
    )
    connect, redirect = root
    assert (connect.get("action"), connect.get("method")) == ("https://o/after", "POST")
    assert (redirect.text, redirect.get("method")) == ("https://o/resume", "POST")
    assert connect[0].get("url") == "wss://o/media/stream"
    assert [(p.get("name"), p.get("value")) for p in connect[0]] == [("token", "t&<t")]


def test_come_again_pauses_and_asks_for_the_way_back():
    pause, redirect = ElementTree.fromstring(twiml.come_again("https://o/resume"))
    assert (pause.tag, pause.get("length")) == ("Pause", "1")
    assert (redirect.text, redirect.get("method")) == ("https://o/resume", "POST")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (twiml.busy("All busy.", None), ["Say", "Hangup"]),
        (twiml.busy("All busy.", "+18155550100"), ["Say", "Dial", "Hangup"]),
        (twiml.transfer("+18155550100"), ["Dial", "Hangup"]),
        (twiml.apology(), ["Say", "Hangup"]),
        (twiml.hang_up(), ["Hangup"]),
    ],
)
def test_every_way_out_is_complete(text, expected):
    assert tags(text) == expected


def test_what_is_said_is_escaped():
    (say, _) = ElementTree.fromstring(twiml.busy("<Dial>1</Dial> & more", None))
    assert say.text == "<Dial>1</Dial> & more"
