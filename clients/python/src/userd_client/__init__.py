"""A typed client of userd, the users and preferences service, with defaults that are right.

`Userd` makes blocking calls, `AsyncUserd` those for asyncio. The messages are in `userd.v1`.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

import grpc
import grpc.aio
from userd.v1 import errors_pb2

from userd_client import aio_services, services
from userd_client.core import CHANNEL_OPTIONS, AsyncCore, Core, Defaults, Retries
from userd_client.errors import UserdError
from userd_client.methods import Deadlines

__all__ = ["AsyncUserd", "Deadlines", "Defaults", "Retries", "Userd", "UserdError", "reason_of"]

LOOPBACK = ("localhost", "127.", "[::1]")


def reason_of(error: BaseException) -> errors_pb2.ErrorReason | None:
    """The reason of an error; None when it is not the service's."""
    return error.reason if isinstance(error, UserdError) else None


def _credentials(address: str, credentials: grpc.ChannelCredentials | None, plaintext: bool) -> grpc.ChannelCredentials | None:
    """TLS for every address but this machine's."""
    if credentials is not None:
        return credentials
    return None if plaintext or address.startswith(LOOPBACK) else grpc.ssl_channel_credentials()


class Userd:
    """The services of userd, over one connection. `token` returns the token of the caller; it is asked at each attempt."""

    def __init__(
        self,
        address: str,
        *,
        token: Callable[[], str] | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        plaintext: bool = False,
        defaults: Defaults = Defaults(),
    ) -> None:
        secure = _credentials(address, credentials, plaintext)
        if secure is None:
            self.channel = grpc.insecure_channel(address, CHANNEL_OPTIONS)
        else:
            self.channel = grpc.secure_channel(address, secure, CHANNEL_OPTIONS)
        #: For other services, such as those of kinds: `services.AlertService(userd.core)`.
        self.core = Core(self.channel, defaults, token)
        self.users = services.UserService(self.core)
        self.options = services.UserOptionService(self.core)
        self.organizations = services.OrganizationService(self.core)
        self.profiles = services.ProfileService(self.core)
        self.changes = services.ChangeService(self.core)

    def close(self) -> None:
        """Closes the connection; calls that are open fail."""
        self.channel.close()

    def __enter__(self) -> Userd:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class AsyncUserd:
    """The services of userd for asyncio, over one connection."""

    def __init__(
        self,
        address: str,
        *,
        token: Callable[[], str] | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        plaintext: bool = False,
        defaults: Defaults = Defaults(),
    ) -> None:
        secure = _credentials(address, credentials, plaintext)
        if secure is None:
            self.channel = grpc.aio.insecure_channel(address, CHANNEL_OPTIONS)
        else:
            self.channel = grpc.aio.secure_channel(address, secure, CHANNEL_OPTIONS)
        #: For other services, such as those of kinds: `aio_services.AlertService(userd.core)`.
        self.core = AsyncCore(self.channel, defaults, token)
        self.users = aio_services.UserService(self.core)
        self.options = aio_services.UserOptionService(self.core)
        self.organizations = aio_services.OrganizationService(self.core)
        self.profiles = aio_services.ProfileService(self.core)
        self.changes = aio_services.ChangeService(self.core)

    async def close(self) -> None:
        """Closes the connection; calls that are open fail."""
        await self.channel.close()

    async def __aenter__(self) -> AsyncUserd:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()
