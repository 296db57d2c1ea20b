"""Tests of the client, those of calls on the service at USERD_ADDRESS. Run: python -m unittest discover -s tests."""

import asyncio
import os
import unittest
import uuid

from google.protobuf import struct_pb2
from userd.v1 import consistency_pb2, errors_pb2, user_list_pb2, user_option_service_pb2, user_pb2, user_service_pb2
from userd_client import AsyncUserd, Defaults, Retries, Userd, UserdError, reason_of
from userd_client.named import named_in
from userd_client.tokens import Writes

GetOption, SetOption = user_option_service_pb2.GetOptionRequest, user_option_service_pb2.SetOptionRequest


def new_user() -> user_service_pb2.CreateUserRequest:
    return user_service_pb2.CreateUserRequest(user=user_pb2.User(email=f"py-{uuid.uuid4().hex}@example.com"))


def text(value: str) -> struct_pb2.Value:
    return struct_pb2.Value(string_value=value)


class Rules(unittest.TestCase):
    def test_messages_name_things_by_their_ids(self):
        lookup = user_service_pb2.LookupUsersRequest(keys=[{"id": 5}, {"email": "Ann@Example.com"}])
        self.assertEqual(named_in(lookup), {"user:5", "name:ann@example.com"})
        update = user_service_pb2.UpdateUserRequest(user=user_pb2.User(id=7))
        self.assertEqual(named_in(update), {"user:7"})
        resolve = user_option_service_pb2.ResolveOptionsRequest(user_ids=[1, 2], organization_id=3)
        self.assertEqual(named_in(resolve), {"user:1", "user:2", "organization:3"})

    def test_reads_carry_the_tokens_of_writes_that_named_the_same(self):
        now = 0.0
        writes = Writes(1.0, lambda: now)
        one, two = GetOption(user_id=1), GetOption(user_id=2)
        self.assertIsNone(writes.consistency_for(one))
        writes.remember(frozenset({"user:1"}), "a")
        self.assertIsNone(writes.consistency_for(two))
        writes.remember(frozenset({"user:1", "organization:3"}), "b")
        self.assertEqual(writes.consistency_for(one), consistency_pb2.Consistency(at_least_as_fresh="b"))
        writes.remember(frozenset({"user:1"}), "c")
        self.assertEqual(writes.consistency_for(one), consistency_pb2.Consistency(fully_consistent=True))
        writes.remember(frozenset(), "of-all")
        self.assertEqual(writes.consistency_for(two), consistency_pb2.Consistency(at_least_as_fresh="of-all"))
        now = 1.01
        self.assertIsNone(writes.consistency_for(one))


@unittest.skipUnless("USERD_ADDRESS" in os.environ, "USERD_ADDRESS is not set")
class Calls(unittest.TestCase):
    def test_errors_have_their_reason(self):
        with Userd(os.environ["USERD_ADDRESS"]) as userd:
            with self.assertRaises(UserdError) as unknown:
                userd.options.GetOption(GetOption(user_id=1 << 60, key="a"))
            self.assertEqual(reason_of(unknown.exception), errors_pb2.USER_NOT_FOUND)
            with self.assertRaises(UserdError) as invalid:
                userd.options.GetOption(GetOption(user_id=1, key="a b"))
            self.assertEqual(invalid.exception.fields[0][0], "key")
            with self.assertRaises(UserdError) as of_stream:
                list(userd.users.StreamUsers(user_list_pb2.StreamUsersRequest(after_id=-1)))
            self.assertEqual(of_stream.exception.reason, errors_pb2.FIELD_INVALID)
        with Userd("127.0.0.1:1", defaults=Defaults(retries=Retries(most=0))) as nobody:
            with self.assertRaises(UserdError) as silence:
                nobody.users.GetUser(user_service_pb2.GetUserRequest(id=1))
            self.assertIsNone(silence.exception.reason)

    def test_a_client_sees_its_own_writes(self):
        with Userd(os.environ["USERD_ADDRESS"]) as userd:
            user_id = userd.users.CreateUser(new_user()).user.id
            for value in ("a", "b"):
                userd.options.SetOption(SetOption(user_id=user_id, key="py.x", value=text(value)))
                self.assertEqual(userd.options.GetOption(GetOption(user_id=user_id, key="py.x")).value, text(value))

    def test_a_refused_call_comes_again(self):
        with Userd(os.environ["USERD_REFUSING_ADDRESS"], defaults=Defaults(retries=Retries(most=0))) as once:
            with self.assertRaises(UserdError) as refused:
                once.users.GetUser(user_service_pb2.GetUserRequest(id=1))
            self.assertEqual(refused.exception.reason, errors_pb2.OVERLOADED)
        with Userd(os.environ["USERD_REFUSING_ADDRESS"]) as userd:
            user_id = userd.users.CreateUser(new_user()).user.id
            userd.options.SetOption(SetOption(user_id=user_id, key="py.x", value=text("x")))

    def test_asyncio_does_the_same(self):
        async def calls() -> None:
            async with AsyncUserd(os.environ["USERD_ADDRESS"]) as userd:
                user_id = (await userd.users.CreateUser(new_user())).user.id
                await userd.options.SetOption(SetOption(user_id=user_id, key="py.x", value=text("x")))
                self.assertEqual((await userd.options.GetOption(GetOption(user_id=user_id, key="py.x"))).value, text("x"))
                with self.assertRaises(UserdError) as unknown:
                    await userd.options.GetOption(GetOption(user_id=1 << 60, key="a"))
                self.assertEqual(unknown.exception.reason, errors_pb2.USER_NOT_FOUND)
                with self.assertRaises(UserdError) as of_stream:
                    async for _ in userd.users.StreamUsers(user_list_pb2.StreamUsersRequest(after_id=-1)):
                        pass
                self.assertEqual(of_stream.exception.reason, errors_pb2.FIELD_INVALID)
            async with AsyncUserd(os.environ["USERD_REFUSING_ADDRESS"]) as userd:
                # The first call of this RPC is refused.
                await userd.options.GetOption(GetOption(user_id=user_id, key="py.x"))

        asyncio.run(calls())


if __name__ == "__main__":
    unittest.main()
