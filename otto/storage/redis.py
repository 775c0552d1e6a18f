"""A client of Redis, as patient as a telephone call is."""

from __future__ import annotations

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from config.settings import RedisSettings


def make_redis(settings: RedisSettings) -> Redis:
    """A client for one event loop, with a pool. Opens nothing yet.

    No command takes longer than `timeout_s`, except that a connection found broken is replaced
    once. Vendor defaults (5 s, several retries) are too patient for a telephone call.
    """
    return Redis.from_url(
        settings.url.get_secret_value(),
        socket_timeout=settings.timeout_s,
        socket_connect_timeout=settings.timeout_s,
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        health_check_interval=30,
    )


def timeout_s_of(redis: Redis) -> float | None:
    """The client's timeout. It bounds each step (connecting, sending, reading); whoever wants a
    bound for their sum puts one of the same length around them."""
    timeout_s: float | None = redis.connection_pool.connection_kwargs["socket_timeout"]
    return timeout_s
