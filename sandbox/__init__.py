"""The outside world in a box: the vendors' protocols on loopback, with real parts inside.

Nothing here imports Otto. What the sandbox knows of Otto is what Twilio, Deepgram, OpenAI and
Google know: the bytes on the wire.
"""

import os

# OpenBLAS ends its threads whenever the process forks, and a product that is being computed at that
# moment never returns: the recogniser loads while PostgreSQL is started. One thread is enough here.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
