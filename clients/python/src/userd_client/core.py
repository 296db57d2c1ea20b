"""How calls are made: with deadlines, retries, request ids and tokens."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import grpc
import grpc.aio
import tenacity
from google.protobuf.message import Message
from userd.v1 import errors_pb2

from userd_client.errors import UserdError
from userd_client.methods import Deadlines, Method
from userd_client.named import named_in
from userd_client.tokens import Writes

Q = TypeVar("Q", bound=Message)
A = TypeVar("A", bound=Message)

Metadata = Sequence[tuple[str, str]]

#: Under the 5 min after which the service closes a connection that nobody uses, and pings as often as the service. The retries of this
#: client know the service's reasons; those of gRPC know codes only.
CHANNEL_OPTIONS: list[tuple[str, int]] = [
    ("grpc.client_idle_timeout_ms", 4 * 60_000),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # gRPC's own longest wait between two attempts to connect is 2 min: most of one would pass after an outage of a minute.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.enable_retries", 0),
    ("grpc.max_receive_message_length", 64 * 2**20),
]


@dataclass(frozen=True)
class Retries:
    """How often and how patiently a failed call is sent again. Waits are in seconds."""

    #: The most attempts after the first one; 0 = none.
    most: int = 3
    #: The wait before the first of them when the service names none; it doubles each time, and is spread at random.
    first_wait: float = 0.05
    #: The longest wait; a service that asks for more is not called again.
    longest_wait: float = 5.0


@dataclass(frozen=True)
class Defaults:
    """The defaults of a client, each of which can be replaced."""

    deadlines: Deadlines = field(default_factory=Deadlines)
    retries: Retries = field(default_factory=Retries)
    #: Give each write a request_id, so that it can be sent again when nobody knows what became of it.
    request_ids: bool = True
    #: How long reads see this client's writes for certain, in seconds; below 0 = carry no tokens. 30 s is the longest bound of a service.
    read_your_writes: float = 30.0


def _is_outcome_unknown(error: UserdError) -> bool:
    """The error leaves open if the call was carried out: the service says so, or a proxy or the connection broke."""
    is_broken = not error.reason_name and error.code is grpc.StatusCode.UNAVAILABLE
    return is_broken or error.reason == errors_pb2.COMMIT_UNKNOWN


class _Plan:
    """What the blocking and the asynchronous calls have in common."""

    def __init__(self, defaults: Defaults, token: Callable[[], str] | None) -> None:
        self._defaults = defaults
        self._token = token
        self._writes = Writes(defaults.read_your_writes)

    def metadata(self, metadata: Metadata) -> tuple[tuple[str, str | bytes], ...]:
        return (*metadata, ("authorization", f"Bearer {self._token()}")) if self._token else tuple(metadata)

    def prepared(self, method: Method[Q, A], request: Q) -> Q:
        """The request with a request_id, or with the consistency that the writes before it ask for."""
        changed = method.request()
        changed.CopyFrom(request)
        if not method.is_read and method.has_request_id and self._defaults.request_ids:
            if not getattr(request, "request_id"):
                setattr(changed, "request_id", str(uuid.uuid4()))
        elif method.is_read and method.has_consistency and getattr(request, "consistency").WhichOneof("mode") is None:
            wanted = self._writes.consistency_for(request)
            if wanted is not None:
                getattr(changed, "consistency").MergeFrom(wanted)
        return changed

    def answered(self, method: Method[Q, A], request: Q, response: A) -> A:
        token = getattr(response, "consistency_token") if not method.is_read and method.has_token else ""
        if token:
            self._writes.remember(named_in(request, response), token)
        return response

    def deadline(self, method: Method[Q, A], timeout: float | None) -> float:
        return time.monotonic() + (method.deadline(self._defaults.deadlines) if timeout is None else timeout)

    def rules(self, method: Method[Q, A], request: Q, deadline: float) -> dict[str, object]:
        """When the library sends a call again, and after which wait: docs/clients.md has the reasons."""
        retries = self._defaults.retries
        spread = tenacity.wait_random_exponential(multiplier=retries.first_wait, max=retries.longest_wait)

        def wait(state: tenacity.RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            return max(getattr(error, "retry_after", None) or 0.0, spread(state))

        def is_worth_it(error: BaseException) -> bool:
            if not isinstance(error, UserdError):
                return False
            if _is_outcome_unknown(error) and not method.is_read and not getattr(request, "request_id", ""):
                return False
            if error.retry_after is not None:
                return error.retry_after <= min(retries.longest_wait, deadline - time.monotonic())
            return _is_outcome_unknown(error) or error.reason == errors_pb2.CONTENTION

        return {
            "retry": tenacity.retry_if_exception(is_worth_it),
            "wait": wait,
            "stop": tenacity.stop_after_attempt(retries.most + 1),
            "reraise": True,
        }


class Core(_Plan):
    """Makes blocking calls."""

    def __init__(self, channel: grpc.Channel, defaults: Defaults, token: Callable[[], str] | None) -> None:
        super().__init__(defaults, token)
        self._channel = channel

    def call(self, method: Method[Q, A], request: Q, timeout: float | None, metadata: Metadata) -> A:
        """Makes a call of one request and one response."""
        deadline, sent = self.deadline(method, timeout), self.prepared(method, request)
        rpc = self._channel.unary_unary(method.path, method.request.SerializeToString, method.response.FromString)

        def attempt() -> A:
            try:
                answer: A = rpc(sent, timeout=max(0.0, deadline - time.monotonic()), metadata=self.metadata(metadata))
                return answer
            except grpc.RpcError as error:
                raise UserdError(error) from error

        return self.answered(method, sent, tenacity.Retrying(**self.rules(method, sent, deadline))(attempt))  # type: ignore[arg-type]

    def stream(self, method: Method[Q, A], request: Q, timeout: float | None, metadata: Metadata) -> Iterator[A]:
        """Makes a call that answers a stream. It has no deadline unless it states one; leaving the loop early ends it."""
        rpc = self._channel.unary_stream(method.path, method.request.SerializeToString, method.response.FromString)
        call = rpc(request, timeout=timeout, metadata=self.metadata(metadata))
        try:
            yield from call
        except grpc.RpcError as error:
            raise UserdError(error) from error
        finally:
            call.cancel()

    def upload(self, method: Method[Q, A], requests: Iterable[Q], timeout: float | None, metadata: Metadata) -> A:
        """Makes a call that takes a stream."""
        rpc = self._channel.stream_unary(method.path, method.request.SerializeToString, method.response.FromString)
        try:
            answer: A = rpc(iter(requests), timeout=timeout, metadata=self.metadata(metadata))
            return answer
        except grpc.RpcError as error:
            raise UserdError(error) from error


class AsyncCore(_Plan):
    """Makes calls for asyncio."""

    def __init__(self, channel: grpc.aio.Channel, defaults: Defaults, token: Callable[[], str] | None) -> None:
        super().__init__(defaults, token)
        self._channel = channel

    async def call(self, method: Method[Q, A], request: Q, timeout: float | None, metadata: Metadata) -> A:
        """Makes a call of one request and one response."""
        deadline, sent = self.deadline(method, timeout), self.prepared(method, request)
        rpc = self._channel.unary_unary(method.path, method.request.SerializeToString, method.response.FromString)

        async def attempt() -> A:
            try:
                answer: A = await rpc(sent, timeout=max(0.0, deadline - time.monotonic()), metadata=self.metadata(metadata))
                return answer
            except grpc.RpcError as error:
                raise UserdError(error) from error

        retrying = tenacity.AsyncRetrying(**self.rules(method, sent, deadline))  # type: ignore[arg-type]
        return self.answered(method, sent, await retrying(attempt))

    async def stream(self, method: Method[Q, A], request: Q, timeout: float | None, metadata: Metadata) -> AsyncIterator[A]:
        """Makes a call that answers a stream. It has no deadline unless it states one; leaving the loop early ends it."""
        rpc = self._channel.unary_stream(method.path, method.request.SerializeToString, method.response.FromString)
        call = rpc(request, timeout=timeout, metadata=self.metadata(metadata))
        try:
            async for response in call:
                yield response
        except grpc.RpcError as error:
            raise UserdError(error) from error
        finally:
            call.cancel()

    async def upload(self, method: Method[Q, A], requests: AsyncIterator[Q], timeout: float | None, metadata: Metadata) -> A:
        """Makes a call that takes a stream."""
        rpc = self._channel.stream_unary(method.path, method.request.SerializeToString, method.response.FromString)
        try:
            answer: A = await rpc(requests, timeout=timeout, metadata=self.metadata(metadata))
            return answer
        except grpc.RpcError as error:
            raise UserdError(error) from error
