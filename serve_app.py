"""The front door: Otto's two Ray Serve applications.

    serve run serve_app:app          with the settings of the environment
    serve_app.deploy(settings)       from a process that is already connected to Ray

Webhooks and media are deployments of their own, because a stream holds a replica's slot for the
whole call and a webhook must never wait behind one:

    voice  "/"        POST /twilio/voice, /twilio/after, /twilio/resume, /twilio/status
                      GET /healthz, /readyz
    media  "/media"   WebSocket /media/stream

Serve runs in HAProxy mode: its own proxy would carry every audio frame through Ray's RPC. That
mode is read from the environment when Ray's processes start, so `SERVE_ENVIRONMENT` has to be set
before `ray.init` or `ray start`. TLS belongs to the load balancer in front.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import ray
import uvicorn
from ray import serve
from ray.serve.config import HTTPOptions, ProxyLocation
from starlette.types import ASGIApp

from config.hosts import is_loopback
from config.link import NODE
from config.roles import Role, settings_for
from config.settings import Settings
from otto import logs
from otto.telephony.ingress import media_app, voice_app
from otto.telephony.media_protocol import PROTOCOL as MEDIA_PROTOCOL
from otto.telephony.switchboard_port import SwitchboardClient

VOICE_APP = "voice"
MEDIA_APP = "media"
MEDIA_PREFIX = "/media"

MEDIA_MAX_ONGOING = 500
"""Streams a media replica holds at most; the switchboards' pools are the real limit."""
MEDIA_MAX_QUEUED = 10
VOICE_MAX_ONGOING = 200
VOICE_MAX_QUEUED = 100
"""So many requests wait for a full replica; the next is answered 503 at once, whereupon Twilio asks
its fallback URL. By Serve's default any number waits, and callers hear nothing meanwhile."""
MEDIA_CPUS = 0.0
"""Ray's book-keeping only. The call actors' pool decides what a node can carry."""
DRAIN_MARGIN_S = 60
SURGE_PERCENT = 100
"""A redeploy starts all new replicas before it stops an old one. Serve's default is none: with a
single media replica nobody would take calls until the new one is up (seconds)."""
HEALTH_CHECK_S = 2.0
"""How often Serve looks whether a replica lives. With its default of ten seconds, the callers of a
replica that was killed waited thirteen for the next one (measured)."""

SERVE_ENVIRONMENT = {
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    # Ray's default is four; one carries thousands of frames a second.
    "RAY_SERVE_HAPROXY_NBTHREAD": "1",
}
"""What Ray's processes must find in their environment, besides `serve_environment`'s."""

SwitchboardFactory = Callable[[Settings], SwitchboardClient]
"""Makes the ingress' client in a replica; must be importable there."""


def serve_environment(settings: Settings) -> dict[str, str]:
    """The environment that Ray must be started with, so that no redeploy cuts a call and the front
    door has its limits (`cluster/haproxy.py`)."""
    drain_s = int(settings.call.max_duration_s) + DRAIN_MARGIN_S
    return {
        **SERVE_ENVIRONMENT,
        "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S": str(drain_s),
        "OTTO_MAX_CONNECTIONS": str(settings.max_connections),
        "OTTO_TRUSTED_PROXIES": settings.trusted_proxies,
        "OTTO_UNLIMITED_SOURCES": settings.unlimited_sources,
    }


def find_switchboard(settings: Settings) -> SwitchboardClient:
    """The client of this node's switchboard, found by name."""
    from actors.node.client import SwitchboardHandle  # replicas only: it starts no actor

    client: SwitchboardClient = SwitchboardHandle()
    return client


def _keep_to_the_loopback() -> None:
    """Bind this replica's port for requests of other deployments to the loopback, on a node that no
    other joins. Serve binds it to every address, after this, and has no setting for it."""
    address = str(ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]
    if is_loopback(address):
        from ray.serve._private import replica

        bind: Callable[[Any, str], int] = replica.add_port_to_grpc_server  # type: ignore[attr-defined]
        setattr(replica, "add_port_to_grpc_server", lambda server, _: bind(server, f"{address}:0"))  # noqa: B010


@serve.ingress()
class VoiceIngress:
    """Twilio's webhooks."""

    def __init__(self, settings: Settings, make_switchboard: SwitchboardFactory) -> None:
        logs.configure(settings.log_level)
        self._settings = settings
        self._make_switchboard = make_switchboard

    def __serve_build_asgi_app__(self) -> ASGIApp:
        _keep_to_the_loopback()
        return voice_app(self._settings, self._make_switchboard(self._settings))


@serve.ingress()
class MediaIngress:
    """Twilio's media streams, and this process' end of the media links."""

    def __init__(self, settings: Settings, make_switchboard: SwitchboardFactory) -> None:
        logs.configure(settings.log_level)
        self._settings = settings
        self._make_switchboard = make_switchboard

    def __serve_build_asgi_app__(self) -> ASGIApp:
        _keep_to_the_loopback()
        # Serve starts this replica's server afterwards, and gives no way to name its protocol.
        uvicorn.config.WS_PROTOCOLS["auto"] = MEDIA_PROTOCOL
        host = self._settings.link.host
        if host == NODE:
            host = str(ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]
        return media_app(self._settings, self._make_switchboard(self._settings), MEDIA_PREFIX, host)


def build(
    settings: Settings, make_switchboard: SwitchboardFactory = find_switchboard
) -> tuple[serve.Application, serve.Application]:
    """The voice and the media application, not yet deployed. Serve keeps what they are given, so
    they are given no secret but Twilio's."""
    settings = settings_for(Role.INGRESS, settings)
    drain_s = settings.call.max_duration_s + DRAIN_MARGIN_S
    voice = serve.deployment(
        name="VoiceIngress",
        num_replicas=settings.voice_replicas,
        max_surge_percent=SURGE_PERCENT,
        max_ongoing_requests=VOICE_MAX_ONGOING,
        max_queued_requests=VOICE_MAX_QUEUED,
        health_check_period_s=HEALTH_CHECK_S,
        ray_actor_options={"num_cpus": 0},
    )(VoiceIngress)
    media = serve.deployment(
        name="MediaIngress",
        max_ongoing_requests=MEDIA_MAX_ONGOING,
        max_queued_requests=MEDIA_MAX_QUEUED,
        num_replicas=settings.media_replicas,
        max_surge_percent=SURGE_PERCENT,
        graceful_shutdown_timeout_s=drain_s,
        health_check_period_s=HEALTH_CHECK_S,
        ray_actor_options={"num_cpus": MEDIA_CPUS},
    )(MediaIngress)
    return voice.bind(settings, make_switchboard), media.bind(settings, make_switchboard)


def start(settings: Settings) -> None:
    """Start Serve at the settings' address; connects to Ray when this process has not yet."""
    missing = [name for name in SERVE_ENVIRONMENT if name not in os.environ]
    if missing:
        raise RuntimeError(f"set {', '.join(missing)} before Ray starts (see serve_app.py)")
    serve.start(
        proxy_location=ProxyLocation.EveryNode,
        http_options=HTTPOptions(
            host=settings.host,
            port=settings.port,
            request_timeout_s=None,  # it would end live streams
        ),
    )


def deploy(settings: Settings, make_switchboard: SwitchboardFactory = find_switchboard) -> None:
    """Start Serve and deploy both applications; returns when they serve."""
    start(settings)
    voice, media = build(settings, make_switchboard)
    serve.run(media, name=MEDIA_APP, route_prefix=MEDIA_PREFIX)
    serve.run(voice, name=VOICE_APP, route_prefix="/")


def app(arguments: dict[str, Any]) -> serve.Application:
    """The builder that `serve run serve_app:app` calls.

    `serve run` deploys the one application that is returned; media has to be there already. Run
    it with `--name voice`, or voice is called "default": only the dashboard shows the difference.
    """
    # Only here: replicas import this module, too.
    from actors.deployment import bring_up, fill_reserve
    from config.sandbox_endpoints import load_settings

    settings = load_settings()
    logs.configure(settings.log_level)
    if not ray.is_initialized():
        ray.init(address=os.environ.get("RAY_ADDRESS"), namespace="serve")
    bring_up(settings)
    start(settings)
    voice, media = build(settings)
    serve.run(media, name=MEDIA_APP, route_prefix=MEDIA_PREFIX)
    fill_reserve()
    return voice
