"""`python -m benchmarks.chaos`: calls while everything around them breaks, judged from outside."""

import os

from cluster.ray_env import ENVIRONMENT

# Ray reads its authentication mode when it is imported, which the modules of this package do.
os.environ.update(ENVIRONMENT)
