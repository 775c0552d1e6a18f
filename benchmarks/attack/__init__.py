"""`python -m benchmarks.attack`: what strangers can do to a running stack, and what it costs."""

import os

from cluster.ray_env import ENVIRONMENT, ONE_MACHINE

# Ray reads its authentication mode and its node's address when it is imported, which the
# modules of this package do.
os.environ.update(ENVIRONMENT | ONE_MACHINE)
