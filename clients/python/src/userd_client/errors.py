"""The errors of calls."""

from __future__ import annotations

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from userd.v1 import errors_pb2

DOMAIN = "userd.v1"


class UserdError(Exception):
    """An error of a call. Those of the service have a reason to decide by; those of a proxy, or of the connection, have none."""

    code: grpc.StatusCode
    #: A value of errors_pb2.ErrorReason; None when the error is not the service's own.
    reason: errors_pb2.ErrorReason | None
    #: The reason as it came, for logs; empty when the error is not the service's own.
    reason_name: str
    #: What the reason says besides, such as the current "etag" of an ETAG_MISMATCH.
    info: dict[str, str]
    #: The fields that were refused, each with why.
    fields: list[tuple[str, str]]
    #: The wait after which the same call makes sense, in seconds; None = the service says nothing of it.
    retry_after: float | None

    def __init__(self, error: grpc.RpcError) -> None:
        self.code = error.code()
        self.reason, self.reason_name, self.info, self.fields, self.retry_after = None, "", {}, [], None
        self._read_details(error)
        super().__init__(f"{self.reason_name or self.code.name}: {error.details()}")

    def _read_details(self, error: grpc.RpcError) -> None:
        status = _status_of(error)
        for detail in status.details if status else []:
            info, request, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
            if detail.Unpack(info) and info.domain == DOMAIN:
                self.reason_name, self.info = info.reason, dict(info.metadata)
                # A reason that is newer than this client has a name, and no value.
                self.reason = getattr(errors_pb2, info.reason, None)
            elif detail.Unpack(request):
                self.fields = [(violation.field, violation.description) for violation in request.field_violations]
            elif detail.Unpack(retry):
                self.retry_after = retry.retry_delay.ToTimedelta().total_seconds()


def _status_of(error: grpc.RpcError):  # type: ignore[no-untyped-def]
    if not isinstance(error, grpc.aio.AioRpcError):
        return rpc_status.from_call(error) if hasattr(error, "trailing_metadata") else None
    from google.rpc import status_pb2

    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            return status_pb2.Status.FromString(value)
    return None
