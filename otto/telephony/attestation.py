"""What the network says of the number that calls: STIR/SHAKEN, as Twilio's webhook tells it.

https://www.twilio.com/docs/voice/trusted-calling-with-shakenstir
"""

from __future__ import annotations

MAX_CHARACTERS = 64
FAILED = "tn-validation-failed"
"""How every value begins that says so: alone, or with the level that was claimed ("-A")."""


def is_forged(stir_verstat: str) -> bool:
    """Whether the network has found the number's signature wrong.

    `TN-Validation-Passed-A` to `-C` vouch more or less for the number; `No-TN-Validation`, none at
    all and what nobody knows yet say nothing about it, as half of all calls do.
    """
    return stir_verstat.strip().casefold().startswith(FAILED)
