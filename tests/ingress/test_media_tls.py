"""A whole call whose media link is TLS: from Twilio's socket to the workers and back."""

import asyncio
import base64

import pytest
import uvicorn
import websockets
from structlog.testing import capture_logs
from twilio.request_validator import RequestValidator

import serve_app
from otto.media_link.events import KeyPressed, LineStopped
from otto.media_link.tls import LinkTls, LinkTlsError
from otto.telephony.ingress import media_app
from tests.ingress.test_media_socket import ACCOUNT, FRAME, URL, Twilio
from tests.support.certificates import Authority
from tests.support.logs import written


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def connected(url, settings):
    validator = RequestValidator(settings.twilio.auth_token.get_secret_value())
    headers = {"X-Twilio-Signature": validator.compute_signature(URL, {})}
    return websockets.connect(
        url.replace("http", "ws") + "/media/stream", additional_headers=headers, compression=None
    )


async def test_a_call_over_a_link_by_tls(ingress_settings, switchboard, serve_asgi, authority):
    settings = ingress_settings.model_copy(update={"link": authority.settings("ingress")})
    switchboard.link_tls = LinkTls(authority.settings("worker"))
    url = await serve_asgi(media_app(settings, switchboard))
    async with connected(url, settings) as socket:
        twilio = Twilio(socket)
        await twilio.begin((await switchboard.reserve("CA1")).token)
        call = await switchboard.call(0)
        await twilio.speak(0)
        assert await call.uplink.read() == (0, FRAME)
        call.downlink.send_audio(1, b"hello" * 2000)
        heard = b""
        while len(heard) < 10_000:
            heard += base64.b64decode((await twilio.hear())["media"]["payload"])
        assert heard == b"hello" * 2000
        await twilio.send("dtmf", dtmf={"track": "inbound_track", "digit": "5"})
        await call.until(KeyPressed("5", 1))
        call.die()
        second = await switchboard.call(1)
        assert second.started.taken_over
        assert await second.uplink.read() == (0, FRAME)
        await twilio.send("stop", stop={"accountSid": ACCOUNT, "callSid": "CA1"})
        await second.until(LineStopped())


async def test_a_call_actor_in_clear_text_gets_no_call(
    ingress_settings, switchboard, serve_asgi, authority, monkeypatch
):
    """As of a node that was set up without: the caller comes back through Twilio, unheard."""
    monkeypatch.setattr("otto.telephony.call_attachment.RECOVERY_TIMEOUT_S", 0.5)
    settings = ingress_settings.model_copy(update={"link": authority.settings("ingress")})
    url = await serve_asgi(media_app(settings, switchboard))
    async with connected(url, settings) as socket:
        twilio = Twilio(socket)
        await twilio.begin((await switchboard.reserve("CA1")).token)
        assert await twilio.close_code() == (1011, "call_actor_lost")
    async with asyncio.timeout(5):
        while not switchboard.streams_ended:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("issued", [{"days": -1}, {"names": ("10.0.0.5",)}])
def test_an_ingress_whose_certificate_cannot_serve_does_not_start(
    ingress_settings, switchboard, authority, issued
):
    settings = ingress_settings.model_copy(update={"link": authority.settings(**issued)})
    with pytest.raises(LinkTlsError):
        media_app(settings, switchboard)


def test_a_nodes_own_address_is_what_its_certificate_must_be_for(
    ingress_settings, switchboard, authority
):
    link = authority.settings(names=("10.0.0.5",)).model_copy(update={"host": "node"})
    settings = ingress_settings.model_copy(update={"link": link})
    assert media_app(settings, switchboard, link_host="10.0.0.5")
    with pytest.raises(LinkTlsError, match="mismatch"):
        media_app(settings, switchboard, link_host="10.0.0.6")


@pytest.mark.parametrize(("host", "listens"), [("node", "127.0.0.2"), ("127.0.0.1", "127.0.0.1")])
async def test_each_node_listens_at_its_own_address(
    ingress_settings, switchboard, authority, monkeypatch, host, listens
):
    """One setting for all nodes, where one address was used on all."""
    monkeypatch.setattr("ray.util.get_node_ip_address", lambda: "127.0.0.2")
    monkeypatch.setitem(uvicorn.config.WS_PROTOCOLS, "auto", "as it was")
    names = ("127.0.0.1", "127.0.0.2")
    link = authority.settings(names=names).model_copy(update={"host": host})
    settings = ingress_settings.model_copy(update={"link": link})
    with written():  # the replica configures its process' log
        replica = serve_app.MediaIngress.__mro__[1](settings, lambda settings: switchboard)
        with capture_logs() as events:
            app = replica.__serve_build_asgi_app__()
            async with app.router.lifespan_context(app):
                pass
    (ready,) = [each for each in events if each["event"] == "media_ingress_ready"]
    assert ready["link_address"].rpartition(":")[0] == listens
