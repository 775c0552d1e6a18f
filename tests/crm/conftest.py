"""A database with the service menu in it, and the cache's Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from config.settings import RedisSettings
from otto.storage.redis import make_redis


@pytest.fixture
async def redis(valkey_url: str) -> AsyncIterator[Redis]:
    """A client as the product makes it, on an empty server."""
    client = make_redis(RedisSettings(url=SecretStr(valkey_url)))
    yield client
    await client.aclose()
