"""What the processes of a call do not carry with them."""

import subprocess
import sys

import pytest

HEAVY = ("sqlalchemy", "alembic", "asyncpg", "googleapiclient", "twilio", "openai", "deepgram")


@pytest.mark.parametrize(
    "modules",
    [
        # a call actor, when it is made
        "actors.call.runtime, actors.call.supervisor, actors.call.actor",
        # and what it imports when it first asks the shared actors
        "actors.stores.crm, actors.stores.calendar",
        "actors.call.stt, actors.call.tts, actors.call.llm",
        "serve_app, actors.node.client",
    ],
)
def test_a_calls_process_imports_nothing_of_the_databases_or_vendors_clients(modules: str) -> None:
    """It would cost every call megabytes, and the first tool of a call half a second: an actor's
    handle imports the actor's module when it is looked up, in the middle of the call."""
    allowed = {"twilio"} if modules.startswith("serve_app") else set()  # checks signatures
    unwanted = sorted(set(HEAVY) - allowed)
    program = f"import sys, {modules}; print(*(name for name in {unwanted} if name in sys.modules))"
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == []
