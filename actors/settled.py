"""What a process does once it is warm."""

from __future__ import annotations

import gc


def settle() -> None:
    """Take what is there out of the garbage collector's sight.

    Modules and what is made at the start stay for ever: 200,000 objects in a call actor, which a
    full collection looks through in 150 to 600 ms. It would come in the middle of a call, and the
    caller would hear it.
    """
    gc.collect()
    gc.freeze()
