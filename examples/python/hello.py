"""A first client of userd: creates a user, sets and reads an option, tells errors apart by their reason, and streams users.

docs/clients.md says how it is generated and run.
"""

import os
import time
import uuid

import grpc
from google.protobuf import struct_pb2
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from userd.v1 import consistency_pb2, user_list_pb2, user_option_service_pb2, user_option_service_pb2_grpc
from userd.v1 import user_pb2, user_service_pb2, user_service_pb2_grpc

EMAIL = "hello@example.com"
ATTEMPTS = 3


def detail_of(error, kind):
    """The detail of an error that has this type; None when there is none."""
    status = rpc_status.from_call(error)
    for detail in status.details if status else []:
        found = kind()
        if detail.Unpack(found):
            return found
    return None


def reason_of(error):
    """What to decide by; None when the error is not userd's."""
    info = detail_of(error, error_details_pb2.ErrorInfo)
    return info and info.reason


def call(rpc, request):
    """Runs one RPC with a deadline, and again when the error says after which time that makes sense."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return rpc(request, timeout=3)
        except grpc.RpcError as error:
            retry = detail_of(error, error_details_pb2.RetryInfo)
            if retry is None or attempt == ATTEMPTS:
                raise
            time.sleep(retry.retry_delay.ToTimedelta().total_seconds())


def create_or_find(users):
    """Returns the user, also when the program has run before."""
    try:
        # A retry with the same request_id is stored once.
        user = user_pb2.User(email=EMAIL, name="Ann Example")
        return call(users.CreateUser, user_service_pb2.CreateUserRequest(user=user, request_id=str(uuid.uuid4()))).user
    except grpc.RpcError as error:
        if reason_of(error) != "USERNAME_TAKEN":
            raise
    return call(users.LookupUsers, user_service_pb2.LookupUsersRequest(keys=[{"email": EMAIL}])).results[0].user


def main(address):
    with grpc.insecure_channel(address) as channel:
        users = user_service_pb2_grpc.UserServiceStub(channel)
        options = user_option_service_pb2_grpc.UserOptionServiceStub(channel)
        set_request, get_request = user_option_service_pb2.SetOptionRequest, user_option_service_pb2.GetOptionRequest

        user = create_or_find(users)
        print(user.name)

        value = struct_pb2.Value(string_value="Europe/Vienna")
        written = call(options.SetOption, set_request(user_id=user.id, key="timezone", value=value))
        # With the token the read sees the write, whatever instance answers it.
        fresh = consistency_pb2.Consistency(at_least_as_fresh=written.consistency_token)
        got = call(options.GetOption, get_request(user_id=user.id, key="timezone", consistency=fresh))
        print(got.value.string_value)

        try:
            call(options.GetOption, get_request(user_id=1 << 60, key="timezone"))
        except grpc.RpcError as error:
            print(reason_of(error))

        # A stream has no deadline; leaving the loop early wants a stream.cancel().
        stream = users.StreamUsers(user_list_pb2.StreamUsersRequest(filter=user_list_pb2.UserFilter(emails=[EMAIL])))
        for response in stream:
            print(response.user.username)


if __name__ == "__main__":
    main(os.environ.get("USERD_ADDRESS", "127.0.0.1:50051"))
