"""An attempt at an answer that failed."""

from __future__ import annotations


class Failure(Exception):
    """`kind` and `detail` as in `WorkerFailed`.

    `retry`: the same provider may do better. `other`: another one may. `is_vendors`: it is the
    provider that failed, not the request that was bad. `parameter`: the one the model refuses.
    """

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        retry: bool = False,
        other: bool = True,
        is_vendors: bool = True,
        parameter: str = "",
    ) -> None:
        super().__init__(f"{kind}: {detail}")
        self.parameter = parameter
        self.kind = kind
        self.detail = detail
        self.retry = retry
        self.other = other
        self.is_vendors = is_vendors
