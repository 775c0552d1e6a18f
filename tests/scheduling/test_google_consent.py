"""`otto calendar login`'s way to a token, against the sandbox's consent page and a real port."""

from __future__ import annotations

import asyncio
import json
import socket
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
import pytest
from pydantic import SecretStr

from config.google_sign_in import SignIn, SignInFault, read_sign_in
from config.settings import GoogleSettings
from otto.scheduling.google.calendar import GoogleCalendar
from otto.scheduling.google.consent import Asked, ConsentFailed, Loopback, ask, redeem
from otto.scheduling.google.errors import CalendarAuthError
from sandbox.app import serve
from sandbox.world import Options, World
from tests.scheduling.google_support import google_settings

CALENDAR = "bay-1@ottos-auto.example"
QUICK_S = 0.2


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World(Options(rest_ms=0))
    async with serve(world):
        yield world


async def person(asked: Asked, answer: str) -> str:
    """Somebody answers the consent page; returns what the browser shows in the end."""
    async with httpx.AsyncClient(follow_redirects=True) as browser:
        page = await browser.get(asked.url)
        if page.status_code != 200:
            return page.text
        form = dict(parse_qsl(urlsplit(asked.url).query)) | {"answer": answer}
        # Forms are sent as text, and the redirect that answers one is followed with GET.
        done = await browser.post(
            str(page.url),
            content=urlencode(form),
            headers={"content-type": "application/x-www-form-urlencoded"},
        )
        return done.text


async def signed_in(
    settings: GoogleSettings, answer: str = "allow", timeout_s: float = 20.0
) -> SignIn:
    """Ask, have it answered, and redeem the answer."""

    def wait(port: Loopback, asked: Asked) -> SignIn:
        return redeem(settings, asked, port.code(asked, timeout_s))

    with Loopback() as port:
        asked = ask(settings, port.redirect_uri)
        told, browser = await asyncio.gather(
            asyncio.to_thread(wait, port, asked), person(asked, answer), return_exceptions=True
        )
    if isinstance(browser, BaseException):
        raise browser
    if isinstance(told, BaseException):
        raise told
    return told


async def test_a_consent_becomes_a_sign_in_that_works(world: World, tmp_path: Path) -> None:
    settings = google_settings(world, refresh_token=SecretStr(""))
    found = await signed_in(settings)
    file = tmp_path / "token.json"
    found.save(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert read_sign_in(file) == found == SignIn("otto", world.api_key)
    google = GoogleCalendar(
        settings.model_copy(update={"refresh_token": SecretStr(found.refresh_token)})
    )
    with pytest.raises(Exception, match="http_404_notFound"):
        await google.get_event(CALENDAR, "nothing")
    await google.close()


async def test_the_question_carries_a_proof_and_no_secret(world: World) -> None:
    settings = google_settings(world)
    one, other = (ask(settings, "http://127.0.0.1:1/") for _ in range(2))
    query = parse_qs(urlsplit(one.url).query)
    assert query["code_challenge_method"] == ["S256"]
    assert (query["access_type"], query["prompt"]) == (["offline"], ["consent"])
    assert world.api_key not in one.url
    assert one.verifier not in one.url
    assert 43 <= len(one.verifier) <= 128
    assert (one.state, one.verifier) != (other.state, other.verifier)


async def test_a_code_without_its_proof_is_worth_nothing(world: World) -> None:
    settings = google_settings(world)
    with Loopback() as port:
        asked = ask(settings, port.redirect_uri)
        code, _ = await asyncio.gather(
            asyncio.to_thread(port.code, asked, 20.0), person(asked, "allow")
        )
    stolen = Asked(asked.url, asked.redirect_uri, asked.state, "x" * 43)
    with pytest.raises(ConsentFailed, match="no longer takes that consent"):
        await asyncio.to_thread(redeem, settings, stolen, code)


def _no_offline(world: World) -> None:
    assert world.google is not None
    world.google.consent.gives_refresh_tokens = False


def _calendars_unticked(world: World) -> None:
    assert world.google is not None
    world.google.consent.granted_scope = "openid email"


def _answered(status: int, says: str) -> Callable[[World], None]:
    return lambda world: void(
        world.faults.add("google.token", "answer", status=status, says=says, count=1)
    )


def void(_: object) -> None: ...


@pytest.mark.parametrize(
    ("prepare", "changes", "sentence"),
    [
        (_no_offline, {}, "gave no refresh token: take Otto out at"),
        (_calendars_unticked, {}, "leaves the calendars out"),
        (void, {"client_secret": SecretStr("wrong")}, "check GOOGLE_CLIENT_ID and GOOGLE_CLIENT"),
        (_answered(200, "<html>Sign in to the hotel"), {}, "answers 200 with no JSON: is a proxy"),
        (_answered(502, "Bad gateway"), {}, "answers 502 with no JSON"),
        (_answered(200, "[]"), {}, "answers 200 with no JSON"),
        (_answered(200, "{}"), {}, "gave no refresh token"),
        (_answered(200, '{"refresh_token": null}'), {}, "gave no refresh token"),
        (_answered(400, '{"error":"unauthorized_client"}'), {}, 'type "Desktop app"'),
        (_answered(400, '{"error":"redirect_uri_mismatch"}'), {}, 'type "Desktop app"'),
        (_answered(400, '{"error":{"message":"x"}}'), {}, "refuses .without a reason."),
        (_answered(400, '{"error":"new_in_2027"}'), {}, "refuses .new_in_2027."),
        (lambda world: void(world.faults.add("google.token", "refuse")), {}, "cannot be reached"),
        (
            lambda world: void(world.faults.add("google.token", "stall")),
            {"timeout_s": QUICK_S},
            "cannot be reached",
        ),
    ],
)
async def test_what_goes_wrong_behind_the_consent_is_a_sentence(
    world: World, prepare: Callable[[World], None], changes: dict[str, Any], sentence: str
) -> None:
    prepare(world)
    with pytest.raises(ConsentFailed, match=sentence) as told:
        await signed_in(google_settings(world, **changes))
    assert world.api_key not in str(told.value)


async def test_a_refusal_is_said(world: World) -> None:
    with pytest.raises(ConsentFailed, match="refused in the browser: nothing was changed"):
        await signed_in(google_settings(world), "deny")


async def test_a_client_google_does_not_know_never_comes_back(world: World) -> None:
    assert world.google is not None
    world.google.consent.clients = frozenset({"somebody-else"})
    with pytest.raises(ConsentFailed, match="check GOOGLE_CLIENT_ID"):
        await signed_in(google_settings(world), timeout_s=QUICK_S)


async def test_a_browsers_other_questions_do_not_end_the_waiting(world: World) -> None:
    settings = google_settings(world)
    with Loopback() as port:
        asked = ask(settings, port.redirect_uri)
        waiting = asyncio.create_task(asyncio.to_thread(port.code, asked, 20.0))
        place = urlsplit(port.redirect_uri)
        idle = socket.create_connection((place.hostname, place.port))  # as browsers open them
        async with httpx.AsyncClient() as browser:
            statuses = [
                (await browser.get(port.redirect_uri + path)).status_code
                for path in (
                    "favicon.ico",
                    "?code=stolen&state=guessed",
                    "?code=stolen",
                    f"?state={asked.state}",
                    "?error=access_denied",
                )
            ]
            assert statuses == [404, 400, 400, 400, 400]
            assert not waiting.done()
            answer = await browser.get(f"{port.redirect_uri}?code=good&state={asked.state}")
            assert "see the terminal" in answer.text
            # What comes behind it changes nothing.
            await browser.get(f"{port.redirect_uri}?code=late&state={asked.state}")
        idle.close()
        assert await waiting == "good"


def test_a_port_that_is_taken_is_a_sentence() -> None:
    with Loopback() as one:
        taken = urlsplit(one.redirect_uri).port
        assert taken is not None
        with pytest.raises(ConsentFailed, match=rf"port {taken} cannot be used .* --port"):
            Loopback(taken)
    with pytest.raises(ConsentFailed, match="port 99999 cannot be used"):
        Loopback(99999)


# What becomes of the token


async def test_who_signs_in_again_need_not_start_anything_anew(
    world: World, tmp_path: Path
) -> None:
    file = tmp_path / "token.json"
    stale = google_settings(world, refresh_token=SecretStr("revoked"), token_file=file)
    google = GoogleCalendar(stale)
    with pytest.raises(CalendarAuthError, match="invalid_grant"):
        await google.get_event(CALENDAR, "nothing")
    SignIn("another client", world.api_key).save(file)
    with pytest.raises(CalendarAuthError, match="invalid_grant"):
        await google.get_event(CALENDAR, "nothing")
    SignIn("otto", world.api_key).save(file)
    with pytest.raises(Exception, match="http_404_notFound"):
        await google.get_event(CALENDAR, "nothing")
    await google.close()


@pytest.mark.parametrize(
    ("content", "mode", "sentence"),
    [
        ('{"client_id":"otto","refresh_token":"1//t"}', 0o644, "others can read"),
        ('{"client_id":"otto","refresh_token":"1//t"}', 0o660, "others can read"),
        ("", 0o600, "holds no sign-in: run `otto calendar login`"),
        ("[]", 0o600, "holds no sign-in"),
        ('{"client_id":"otto"}', 0o600, "holds no sign-in"),
        ('{"client_id":"otto","refresh_token":7}', 0o600, "holds no sign-in"),
        ("\ud800", 0o600, "it is no text"),
    ],
)
def test_a_token_file_that_is_no_use_is_a_sentence(
    tmp_path: Path, content: str, mode: int, sentence: str
) -> None:
    file = tmp_path / "token.json"
    file.write_bytes(content.encode("utf-8", "surrogatepass"))
    file.chmod(mode)
    with pytest.raises(SignInFault, match=sentence) as told:
        read_sign_in(file)
    assert "1//t" not in str(told.value)


def test_a_draft_that_a_crash_left_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "token.draft").write_text("half")
    SignIn("otto", "1//t").save(tmp_path / "token.json")
    assert [path.name for path in tmp_path.iterdir()] == ["token.json"]


# Service accounts


async def test_a_service_account_signs_for_itself(world: World) -> None:
    assert world.google is not None
    key = SecretStr(json.dumps(world.google.service_account.key_file()))
    settings = google_settings(
        world, client_id="", refresh_token=SecretStr(""), service_account_key=key
    )
    google = GoogleCalendar(settings)
    with pytest.raises(Exception, match="http_404_notFound"):
        await google.get_event(CALENDAR, "nothing")
    await google.close()


@pytest.mark.parametrize("spoilt", ["another key", "no key"])
async def test_a_key_that_does_not_fit_is_a_sign_in_to_mend(world: World, spoilt: str) -> None:
    assert world.google is not None
    file = world.google.service_account.key_file()
    if spoilt == "another key":
        other = World(Options(rest_ms=0))
        async with serve(other):
            assert other.google is not None
            file["private_key"] = other.google.service_account.key_file()["private_key"]
    else:
        file["private_key"] = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
    google = GoogleCalendar(google_settings(world, service_account_key=SecretStr(json.dumps(file))))
    with pytest.raises(CalendarAuthError):
        await google.get_event(CALENDAR, "nothing")
    await google.close()
