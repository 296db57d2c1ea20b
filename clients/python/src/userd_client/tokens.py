"""The tokens of writes, on their way to reads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from google.protobuf.message import Message
from userd.v1 import consistency_pb2

from userd_client.named import named_in

#: How many writes are remembered; beyond them a read asks for the latest state.
MAX_WRITES = 10_000


@dataclass(frozen=True, eq=False)
class _Write:
    named: frozenset[str]
    token: str
    at: float

    @property
    def keys(self) -> frozenset[str]:
        # A write that named nothing may have changed whatever a read asks for.
        return self.named or frozenset("*")


class Writes:
    """The writes of the last seconds, by what they named."""

    def __init__(self, keep: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._keep, self._clock = keep, clock
        self._lock = threading.Lock()
        self._writes: dict[_Write, None] = {}
        self._by_name: dict[str, dict[_Write, None]] = {}
        self._forgotten = float("-inf")

    def remember(self, named: frozenset[str], token: str) -> None:
        """Notes a write that was answered."""
        with self._lock:
            write = _Write(named, token, self._clock())
            # The token of a later write to the same things stands for the earlier one too.
            for key in write.keys:
                for earlier in list(self._by_name.get(key, ())):
                    if earlier.named <= named:
                        self._drop(earlier)
            self._writes[write] = None
            for key in write.keys:
                self._by_name.setdefault(key, {})[write] = None
            self._prune(write.at)

    def consistency_for(self, request: Message) -> consistency_pb2.Consistency | None:
        """How fresh an answer has to be to show the writes that named the same; None = as the request has it."""
        with self._lock:
            now = self._clock()
            self._prune(now)
            if now - self._forgotten <= self._keep:
                return consistency_pb2.Consistency(fully_consistent=True)
            if not self._writes:
                return None
            tokens = {write.token for key in {"*", *named_in(request)} for write in self._by_name.get(key, ())}
        if not tokens:
            return None
        if len(tokens) > 1:
            return consistency_pb2.Consistency(fully_consistent=True)
        return consistency_pb2.Consistency(at_least_as_fresh=tokens.pop())

    def _drop(self, write: _Write) -> None:
        self._writes.pop(write, None)
        for key in write.keys:
            self._by_name.get(key, {}).pop(write, None)
            if not self._by_name.get(key, True):
                del self._by_name[key]

    def _prune(self, now: float) -> None:
        while self._writes:
            oldest = next(iter(self._writes))
            is_too_many = len(self._writes) > MAX_WRITES
            if now - oldest.at <= self._keep and not is_too_many:
                return
            if is_too_many:
                self._forgotten = now
            self._drop(oldest)
