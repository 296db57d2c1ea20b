"""What the contract says of each RPC."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

from google.protobuf import descriptor_pb2
from google.protobuf.message import Message
from userd.v1 import options_pb2

Q = TypeVar("Q", bound=Message)
A = TypeVar("A", bound=Message)


@dataclass(frozen=True)
class Deadlines:
    """The deadlines of calls that state none, in seconds, all their attempts together: three times what the service takes for one."""

    read: float = 3.0
    write: float = 9.0
    batch: float = 30.0


class Method(Generic[Q, A]):
    """An RPC of the contract."""

    def __init__(self, service: str, name: str, request: type[Q], response: type[A]) -> None:
        self.path = f"/{service}/{name}"
        self.request = request
        self.response = response
        self._service = service
        self._name = name

    @cached_property
    def _options(self) -> descriptor_pb2.MethodOptions:
        from google.protobuf import descriptor_pool

        service = descriptor_pool.Default().FindServiceByName(self._service)
        options: descriptor_pb2.MethodOptions = service.methods_by_name[self._name].GetOptions()
        return options

    @cached_property
    def is_read(self) -> bool:
        """A call changes nothing, and so may be sent again whatever became of it."""
        return self._options.idempotency_level == descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS

    def deadline(self, deadlines: Deadlines) -> float:
        """The deadline of a call that states none."""
        if self.is_read:
            return deadlines.read
        is_batch: bool = self._options.Extensions[options_pb2.batch_write]  # type: ignore[index]
        return deadlines.batch if is_batch else deadlines.write

    @cached_property
    def has_request_id(self) -> bool:
        """The request takes an id by which a write is stored once."""
        return "request_id" in self.request.DESCRIPTOR.fields_by_name

    @cached_property
    def has_consistency(self) -> bool:
        """The request says how fresh the answer has to be."""
        return "consistency" in self.request.DESCRIPTOR.fields_by_name

    @cached_property
    def has_token(self) -> bool:
        """The response has a token by which reads see the write."""
        return "consistency_token" in self.response.DESCRIPTOR.fields_by_name
