"""`otto check`: one try of every connection and credential that Otto will need.

Each check reaches for the vendor as the product does, costs next to nothing, has a time limit,
and says what to do when it fails. No secret and no customer's data is printed.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import urlencode, urlsplit

from redis.exceptions import RedisError
from twilio.base.exceptions import TwilioException, TwilioRestException  # type: ignore[import-untyped]
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException

from cluster import loopback
from cluster.database_check import check_postgres
from cluster.errors import Failed
from cluster.model_check import check_fallback_model, check_model
from config.dealership import Dealership, DealershipError, load_dealership
from config.hosts import is_loopback
from config.link import NODE, LinkSettings, ray_fault
from config.settings import Settings
from otto.dialogue.flow.prompt_files import PromptError, load_prompts
from otto.media_link.tls import LinkTlsError, link_tls
from otto.scheduling.google.calendar import WRITERS, GoogleCalendar
from otto.scheduling.google.errors import CalendarAuthError, CalendarError
from otto.speech.recognisers import recogniser_of
from otto.storage.redis import make_redis
from otto.telephony.rest import TwilioRest

TIMEOUT_S = 20.0
"""For one check; a sleeping Neon compute takes some seconds."""
RENEW_DAYS = 14
"""A certificate that ends sooner is reported: its renewal has failed."""


@dataclass(frozen=True, slots=True)
class Result:
    """One row of the table. `remedy` is empty when all is well."""

    what: str
    is_ok: bool
    found: str
    remedy: str = ""


Check = Callable[[Settings], Awaitable[str]]


async def run_checks(settings: Settings, timeout_s: float = TIMEOUT_S) -> list[Result]:
    """All checks, at the same time; in the order of the table."""
    checks = [(what, check, settings) for what, check in CHECKS] + _fallbacks(settings)
    return list(
        await asyncio.gather(*(_run(what, check, of, timeout_s) for what, check, of in checks))
    )


def _fallbacks(settings: Settings) -> list[tuple[str, Check, Settings]]:
    """A fallback that does not work is found out at the worst moment, so it is tried as well."""
    deepgram, model = settings.deepgram, settings.openai
    there = settings.model_copy(
        update={"deepgram": deepgram.as_fallback(), "openai": model.as_fallback()}
    )
    wanted: tuple[tuple[bool, str, Check], ...] = (
        (deepgram.has_listen_fallback, "Deepgram listen, fallback", _listen),
        (deepgram.has_speak_fallback, "Deepgram speak, fallback", _speak),
        (model.has_fallback, "Model, fallback", check_fallback_model),
    )
    return [(what, check, there) for is_set, what, check in wanted if is_set]


async def _run(what: str, check: Check, settings: Settings, timeout_s: float) -> Result:
    try:
        async with asyncio.timeout(timeout_s):
            return Result(what, True, await check(settings))
    except Failed as failed:
        return Result(what, False, str(failed), failed.remedy)
    except TimeoutError:
        return Result(what, False, f"no answer within {timeout_s:.0f} s", "is a firewall between?")
    except Exception as error:  # a check must never hide the others' results
        return Result(what, False, type(error).__name__, "unexpected: see docs/OPERATIONS.md")


# The dealership and the data


async def _dealership(settings: Settings) -> str:
    dealership = _load(settings)
    try:
        location = dealership.location(settings.location)
    except KeyError:
        raise Failed(f"no location {settings.location!r}", "correct OTTO_LOCATION") from None
    if location.desk_number == settings.twilio.phone_number:
        raise Failed(
            "transferred calls would come back to Otto",
            f"give {settings.dealership_file} a desk_number that a person answers",
        )
    return f"{len(dealership.locations)} location(s), {len(dealership.services)} services"


async def _prompts(settings: Settings) -> str:
    try:
        return f"version {load_prompts(settings.prompts_dir).version}"
    except PromptError as error:
        raise Failed(str(error), f"correct it in {settings.prompts_dir}") from None


def _load(settings: Settings) -> Dealership:
    try:
        return load_dealership(settings.dealership_file)
    except DealershipError as error:
        raise Failed(str(error), f"correct {settings.dealership_file}") from None


async def _redis(settings: Settings) -> str:
    redis = make_redis(settings.redis)
    try:
        await redis.ping()
        if await redis.eval("return 7", 0) != 7:
            raise Failed("Lua scripts give wrong results", "use Redis 6 or Valkey")
        info = await redis.info("server")
    except (RedisError, OSError) as error:
        raise Failed(type(error).__name__ + ": " + str(error)[:120], "check REDIS_URL") from None
    finally:
        await redis.aclose()
    name = "Valkey" if "valkey_version" in info else "Redis"
    version = info.get("valkey_version") or info.get("redis_version")
    checks = str(redis.connection_pool.connection_kwargs.get("ssl_cert_reqs", "")).lower()
    warning = ", its certificate is not checked" if checks in ("none", "optional") else ""
    return f"{name} {version}, Lua works{warning}"


# Speech and the model


async def _listen(settings: Settings) -> str:
    deepgram = settings.deepgram
    recogniser = recogniser_of(deepgram)
    path = f"{recogniser.path}?{urlencode(recogniser.query(deepgram))}"
    return await _deepgram(settings, path, '{"type":"CloseStream"}', deepgram.listen_model)


async def _speak(settings: Settings) -> str:
    model = settings.deepgram.speak_model
    query = f"model={model}&encoding=mulaw&sample_rate=8000"
    return await _deepgram(settings, f"/v1/speak?{query}", '{"type":"Close"}', model)


async def _deepgram(settings: Settings, path: str, goodbye: str, model: str) -> str:
    headers = {"Authorization": f"Token {settings.deepgram.api_key.get_secret_value()}"}
    address = settings.deepgram.url.rstrip("/") + path
    try:
        proxy: Literal[True] | None = None if _is_local(address) else True
        async with connect(address, additional_headers=headers, proxy=proxy) as connection:
            await connection.send(goodbye)
    except InvalidStatus as error:
        status = error.response.status_code
        reason = error.response.headers.get("dg-error", "")
        remedy = "check DEEPGRAM_API_KEY" if status in (401, 403) else f"is {model} yours to use?"
        raise Failed(f"HTTP {status} {reason}".strip(), remedy) from None
    except (InvalidHandshake, WebSocketException, OSError) as error:
        raise Failed(type(error).__name__, "check DEEPGRAM_URL and the network") from None
    return f"handshake with {model}"


# Calendar and telephone


async def _google(settings: Settings) -> str:
    dealership = _load(settings)
    calendars = [bay.calendar_id for place in dealership.locations for bay in place.bays]
    google = GoogleCalendar(settings.google)
    now = datetime.now(UTC)
    try:
        found = await google.free_busy(calendars, now, now + timedelta(hours=1))
        if found.unavailable:
            raise Failed(
                f"no access to {', '.join(sorted(found.unavailable))}",
                "share these calendars with the account, or correct them in the dealership's file",
            )
        roles = await asyncio.gather(*map(google.access_role, calendars))
    except CalendarAuthError as error:
        remedy = "sign in again: `otto calendar login`"
        if settings.google.has_service_account:
            remedy = "give GOOGLE_SERVICE_ACCOUNT_FILE a key that is valid"
        raise Failed(str(error), f"{remedy} (docs/OPERATIONS.md)") from None
    except CalendarError as error:
        raise Failed(str(error), "is the Calendar API enabled for the project?") from None
    finally:
        await google.close()
    closed = [name for name, role in zip(calendars, roles, strict=True) if role not in WRITERS]
    if closed:
        raise Failed(
            f"can be read and not written: {', '.join(sorted(closed))}",
            'share them with the account again, with "Make changes to events"',
        )
    return f"{len(calendars)} calendars can be read and written"


async def _twilio(settings: Settings) -> str:
    try:
        account, numbers = await asyncio.to_thread(_ask_twilio, settings)
    except TwilioRestException as error:
        remedy = (
            "check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"
            if error.status in (401, 403, 404)
            else "see Twilio's console"
        )
        raise Failed(f"HTTP {error.status}, error {error.code}", remedy) from None
    except (TwilioException, OSError) as error:
        raise Failed(type(error).__name__, "is Twilio's API reachable from here?") from None
    if account != "active":
        raise Failed(f"the account is {account}", "see Twilio's console")
    wanted = f"{settings.public_origin}/twilio/voice"
    if not numbers:
        raise Failed("the number is not this account's", "correct TWILIO_PHONE_NUMBER")
    if numbers[0] != wanted:
        raise Failed("the number's voice webhook points elsewhere", f"set it to {wanted} (POST)")
    return "account active, number ours, webhook right"


def _ask_twilio(settings: Settings) -> tuple[str, list[str]]:
    """The account's status and the voice webhook of each number that is ours."""
    client = TwilioRest(settings.twilio)._client
    account = client.api.accounts(settings.twilio.account_sid).fetch()
    found = client.incoming_phone_numbers.list(phone_number=settings.twilio.phone_number, limit=1)
    return account.status, [number.voice_url for number in found]


async def _origin(settings: Settings) -> str:
    status = await asyncio.to_thread(loopback.status, f"{settings.public_origin}/healthz", 5.0)
    if status is None:
        raise Failed(
            f"{settings.public_origin} does not answer",
            "start Otto; check OTTO_PUBLIC_ORIGIN, DNS and the load balancer",
        )
    if status != 200:
        raise Failed(f"{settings.public_origin}/healthz answers {status}", "is Otto behind it?")
    return f"{settings.public_origin} answers"


async def _between_nodes(settings: Settings) -> str:
    """What protects calls' audio and Ray's token on their way from node to node."""
    link = settings.link
    found = "media link on this machine only" if link.is_local else "media link in clear text"
    try:
        tls = link_tls(link)
        if tls is not None:
            days = (tls.prove(await asyncio.to_thread(_address, link)) - time.time()) / 86400
            found = f"media link by TLS, certificate good for {days:.0f} days"
            if days < RENEW_DAYS:
                raise Failed(found, "renew it: the files are read again by themselves")
    except LinkTlsError as error:
        raise Failed(str(error), "see OTTO_LINK_TLS_* in docs/OPERATIONS.md") from None
    if link.is_local:
        return found
    fault = ray_fault(link, os.environ)
    if fault is not None:
        raise Failed(*fault)
    return f"{found}, {'clear text is allowed' if link.allow_cleartext else 'Ray by TLS'}"


def _address(link: LinkSettings) -> str:
    if link.host != NODE:
        return link.host
    import ray  # late: it takes a second, and nothing else here needs it

    return str(ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]


def _is_local(address: str) -> bool:
    return is_loopback(urlsplit(address).hostname or "")


CHECKS: tuple[tuple[str, Check], ...] = (
    ("Dealership's file", _dealership),
    ("Prompt files", _prompts),
    ("PostgreSQL", check_postgres),
    ("Redis", _redis),
    ("Deepgram listen", _listen),
    ("Deepgram speak", _speak),
    ("Model", check_model),
    ("Google Calendar", _google),
    ("Twilio", _twilio),
    ("Public address", _origin),
    ("Between nodes", _between_nodes),
)
