"""The foreign client in Python: creates a user, sets and reads an option, and checks what errors say.

It prints "ok" at the end; anything else on the way is a failure. Run by test/foreign/python.test.ts, as:
client.py ADDRESS SUFFIX [health] (where the port has the health service: the gRPC port), with the code generated from proto/ on PYTHONPATH.
With USERD_CA it calls over TLS and trusts that file; USERD_CERT and USERD_KEY are the certificate that it shows.
"""

import os
import sys

import grpc
from google.protobuf import json_format, struct_pb2
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from userd.v1 import consistency_pb2, user_option_service_pb2, user_option_service_pb2_grpc
from userd.v1 import user_pb2, user_service_pb2, user_service_pb2_grpc


def expect(what, got, want):
    if got != want:
        sys.exit(f"{what}: got {got!r}, want {want!r}")


def value(json):
    return json_format.ParseDict(json, struct_pb2.Value())


def refused(call, request, code, reason):
    """What the error says besides its code: the ErrorInfo and the fields of the BadRequest."""
    try:
        answer = call(request, timeout=5)
    except grpc.RpcError as error:
        expect("code", error.code(), code)
        info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        for detail in rpc_status.from_call(error).details:
            detail.Unpack(info) or detail.Unpack(bad)
        expect("reason", info.reason, reason)
        expect("domain", info.domain, "userd.v1")
        return info, [violation.field for violation in bad.field_violations]
    sys.exit(f"expected {reason}, got {answer}")


def connect(address):
    def read(name):
        path = os.environ.get(name)
        return path and open(path, "rb").read()

    if "USERD_CA" not in os.environ:
        return grpc.insecure_channel(address)
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(read("USERD_CA"), read("USERD_KEY"), read("USERD_CERT")))


def main(address, suffix, *more):
    with connect(address) as channel:
        users = user_service_pb2_grpc.UserServiceStub(channel)
        options = user_option_service_pb2_grpc.UserOptionServiceStub(channel)

        if "health" in more:
            health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service="userd.v1.UserService"))
            expect("health", health.status, health_pb2.HealthCheckResponse.SERVING)

        # Users.
        email = f"py-{suffix}@example.com"
        create = user_service_pb2.CreateUserRequest(user=user_pb2.User(email=email, name="Zoë"))
        user = users.CreateUser(create, timeout=5).user
        expect("username", user.username, email)
        update = user_service_pb2.UpdateUserRequest(user=user_pb2.User(id=user.id, name=""))
        user = users.UpdateUser(update, timeout=5).user
        expect("a name set to empty", user.name, "")
        expect("the address is left alone", user.email, email)
        lookup = user_service_pb2.LookupUsersRequest(
            keys=[{"email": email.upper()}, {"username": f"nobody-{suffix}"}], view=user_pb2.USER_VIEW_FULL
        )
        found, absent = users.LookupUsers(lookup, timeout=5).results
        expect("found", (found.status, found.user.id), (user_service_pb2.LOOKUP_STATUS_FOUND, user.id))
        expect("its addresses", [(entry.email, entry.is_verified) for entry in found.user.emails], [(email, False)])
        expect("not found", absent.status, user_service_pb2.LOOKUP_STATUS_NOT_FOUND)

        # Options.
        set_request = user_option_service_pb2.SetOptionRequest
        get_request = user_option_service_pb2.GetOptionRequest
        stored = {"zone": "Europe/Vienna", "list": [1.5, None, True], "__proto__": {}}
        written = options.SetOption(set_request(user_id=user.id, key="py", value=value(stored), project_id=7), timeout=5)
        expect("created", (written.created, written.changed), (True, True))
        again = options.SetOption(set_request(user_id=user.id, key="py", value=value(stored), project_id=7), timeout=5)
        expect("the same again", (again.created, again.changed), (False, False))
        fresh = consistency_pb2.Consistency(at_least_as_fresh=written.consistency_token)
        got = options.GetOption(get_request(user_id=user.id, key="py", project_id=7, consistency=fresh), timeout=5)
        expect("the value", (got.found, json_format.MessageToDict(got.value)), (True, stored))
        options.SetOption(set_request(user_id=user.id, key="null", value=value(None)), timeout=5)
        null = options.GetOption(get_request(user_id=user.id, key="null"), timeout=5)
        expect("null is a value", (null.found, null.value.WhichOneof("kind")), (True, "null_value"))
        missing = options.GetOption(get_request(user_id=user.id, key="py", default_value=value(5)), timeout=5)
        expect("another scope", (missing.found, missing.value.number_value), (False, 5))

        # Errors.
        code = grpc.StatusCode
        refused(options.GetOption, get_request(user_id=1 << 60, key="py"), code.NOT_FOUND, "USER_NOT_FOUND")
        both = get_request(user_id=user.id, key="py", project_id=1, organization_id=1)
        refused(options.GetOption, both, code.INVALID_ARGUMENT, "OPTION_SCOPE_CONFLICT")
        bad_key = get_request(user_id=user.id, key="a b")
        _, fields = refused(options.GetOption, bad_key, code.INVALID_ARGUMENT, "FIELD_INVALID")
        expect("the field", fields, ["key"])
        infinite = set_request(user_id=user.id, key="py", value=struct_pb2.Value(number_value=float("inf")))
        refused(options.SetOption, infinite, code.INVALID_ARGUMENT, "FIELD_INVALID")
        large = set_request(user_id=user.id, key="py", value=value("x" * 70_000))
        refused(options.SetOption, large, code.INVALID_ARGUMENT, "OPTION_VALUE_TOO_LARGE")
        too_large = set_request(user_id=user.id, key="py", value=value("x" * 1_100_000))
        refused(options.SetOption, too_large, code.RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE")
        stale = set_request(user_id=user.id, key="py", project_id=7, value=value(1), etag="0.0")
        info, _ = refused(options.SetOption, stale, code.ABORTED, "ETAG_MISMATCH")
        expect("the current etag", info.metadata["etag"], written.option.etag)
        taken = user_service_pb2.CreateUserRequest(user=user_pb2.User(username=email))
        refused(users.CreateUser, taken, code.ALREADY_EXISTS, "USERNAME_TAKEN")

    print("ok")


if __name__ == "__main__":
    main(*sys.argv[1:])
