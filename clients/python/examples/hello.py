"""A first program on userd-client: it creates a user or finds it, sets an option and reads it, and tells errors apart."""

import asyncio
import os

from google.protobuf import struct_pb2
from userd.v1 import errors_pb2, user_option_service_pb2, user_pb2, user_service_pb2
from userd_client import AsyncUserd, Userd, UserdError

ADDRESS = os.environ.get("USERD_ADDRESS", "127.0.0.1:50051")
EMAIL = "hello@example.com"


def create_or_find(userd: Userd) -> user_pb2.User:
    """Returns the user, also when the program has run before."""
    try:
        user = user_pb2.User(email=EMAIL, name="Ann Example")
        return userd.users.CreateUser(user_service_pb2.CreateUserRequest(user=user)).user
    except UserdError as error:
        if error.reason != errors_pb2.USERNAME_TAKEN:
            raise
    return userd.users.LookupUsers(user_service_pb2.LookupUsersRequest(keys=[{"email": EMAIL}])).results[0].user


async def read(user_id: int) -> None:
    """Reads an option, for asyncio."""
    async with AsyncUserd(ADDRESS) as userd:
        got = await userd.options.GetOption(user_option_service_pb2.GetOptionRequest(user_id=user_id, key="timezone"))
        print(got.found)


with Userd(ADDRESS) as userd:
    user = create_or_find(userd)
    print(user.name)
    zone = struct_pb2.Value(string_value="Europe/Vienna")
    userd.options.SetOption(user_option_service_pb2.SetOptionRequest(user_id=user.id, key="timezone", value=zone))
    # The read carries the token of the write, and sees it on whatever instance.
    got = userd.options.GetOption(user_option_service_pb2.GetOptionRequest(user_id=user.id, key="timezone"))
    print(got.value.string_value)
    try:
        userd.options.GetOption(user_option_service_pb2.GetOptionRequest(user_id=1 << 60, key="timezone"))
    except UserdError as error:
        print(error.reason == errors_pb2.USER_NOT_FOUND)
    asyncio.run(read(user.id))
