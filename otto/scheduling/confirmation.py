"""The code by which a person names an appointment over the telephone."""

from __future__ import annotations

import hashlib
from uuid import UUID

CODE_LETTERS = "FHKLMQRWXY"
"""No two that rhyme over a telephone (B, C, D, E, G, P, T, V, Z) or look like digits (I, O, S)."""
CODE_SYMBOLS = CODE_LETTERS + "234679"
"""Without 0 and 1 (letters on paper), 5 (heard as nine) and 8 (heard as H)."""
CODE_LENGTH = 4


def confirmation_code(appointment_id: UUID) -> str:
    """Four symbols that a person can say and hear, such as "K7F2", always the same for the same
    appointment. Spoken proof of a booking, not a key: about one in 40,000 is equal to another."""
    number = int.from_bytes(hashlib.sha256(appointment_id.bytes).digest()[:8], "big")
    number, index = divmod(number, len(CODE_LETTERS))
    code = CODE_LETTERS[index]
    for _ in range(CODE_LENGTH - 1):
        number, index = divmod(number, len(CODE_SYMBOLS))
        code += CODE_SYMBOLS[index]
    return code
