"""What messages speak of: by it a read is matched with the writes before it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from google.protobuf.message import Message

#: The fields that name something, by the thing that they name.
FIELDS = {
    "user_id": "user",
    "user_ids": "user",
    "organization_id": "organization",
    "organization_ids": "organization",
    "project_id": "project",
    "project_ids": "project",
    "account_id": "account",
    "account_ids": "account",
    "profile_id": "profile",
    "profile_ids": "profile",
    "owner_profile_id": "profile",
    "username": "name",
    "email": "name",
}

#: The things whose own id is called just that, in messages that have their name, such as GetUserRequest.
THINGS = re.compile("User|Organization|Project|Account|Profile")

MAX_DEPTH = 4


def named_in(*messages: Message) -> frozenset[str]:
    """Names such as "user:42" of all that the messages name."""
    return frozenset(name for message in messages for name in _look(message, MAX_DEPTH))


def _look(message: Message, depth: int) -> Iterable[str]:
    name = message.DESCRIPTOR.name
    if name in ("Value", "Struct"):
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            is_map = field.message_type.GetOptions().map_entry
            for part in [] if is_map or depth == 0 else [value] if isinstance(value, Message) else value:
                yield from _look(part, depth - 1)
            continue
        own = THINGS.search(name) if field.name == "id" else None
        thing = own[0].lower() if own else FIELDS.get(field.name)
        if thing is not None:
            for one in [value] if isinstance(value, (int, str)) else value:
                if one:
                    yield f"{thing}:{str(one).lower()}"
