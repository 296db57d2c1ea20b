import { create } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import { describe, expect } from "vitest";
import { ProfileFilterSchema } from "../../src/gen/userd/v1/profile_filter_pb.ts";
import { createUser, unique, value } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { clientKinds, test } from "../support/service.ts";

const at = (seconds: bigint, nanos = 0): Timestamp => create(TimestampSchema, { seconds, nanos });

/** The first and the last second of what a timestamp can be. */
const FIRST = -62_135_596_800n;
const LAST = 253_402_300_799n;

const impossible = [
  ["the year 10000", at(LAST + 1n)],
  ["before the year 1", at(FIRST - 1n)],
  ["nanos over 999,999,999", at(4_000_000_000n, 1_000_000_000)],
  ["nanos below 0", at(4_000_000_000n, -1)],
  ["seconds that no date holds", at(2n ** 62n)],
] as const;

describe.for(["grpc-js", "gRPC-Web", "Connect gRPC"] as const)("an impossible time in the binary form is refused, through %s:", (kind) => {
  test.for(impossible)("%s", async ([, time], { clients }) => {
    const { options, users, profiles, changes } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    const change = { case: "set", value: { key: "k", value: value(1), expireTime: time } } as const;
    const term = create(ProfileFilterSchema, {
      node: { case: "term", value: { condition: { case: "createTime", value: { endTime: time } } } },
    });
    const consistency = { maxStale: { seconds: 1n, nanos: -5 } };
    for (const [call, field] of [
      [() => options.setOption({ userId, key: "k", value: value(1), expireTime: time }), "expire_time"],
      [
        () => options.applyOptionChanges({ userId, changes: [{ change: { case: "delete", value: { key: "k" } } }, { change }] }),
        "changes[1].set.expire_time",
      ],
      [
        () => profiles.listProfiles({ filter: { node: { case: "anyOf", value: { filters: [term] } } } }),
        "filter.any_of.filters[0].term.create_time.end_time",
      ],
      [() => changes.listAuditEntries({ filter: { startTime: time } }), "filter.start_time"],
      [() => options.getOption({ userId, key: "k", consistency }), "consistency.max_stale"],
      [() => users.updateUser({ user: { id: userId, name: "Ann", lastLogin: time } }), "user.last_login"],
    ] as const) {
      expect((await expectRefusal(call(), "InvalidArgument", "FIELD_INVALID")).fields).toEqual([field]);
    }
  });
});

describe.for(clientKinds)("a time is cut to milliseconds, never rounded up, through %s:", (kind) => {
  test("the last nanosecond of 9999", async ({ clients }) => {
    const { options } = clients[kind];
    const { id: userId } = await createUser(clients[kind]);
    const set = await options.setOption({ userId, key: "k", value: value(1), expireTime: at(LAST, 999_999_999) });
    expect(set.option?.expireTime).toEqual(at(LAST, 999_000_000));
    expect((await options.getOption({ userId, key: "k" })).option?.expireTime).toEqual(at(LAST, 999_000_000));
    const again = await options.setOption({ userId, key: "k", value: value(1), expireTime: at(LAST, 999_000_001) });
    expect(again.changed).toBe(false);
  });
});

test("the year 1 comes back as the year 1", async ({ clients }) => {
  const { users } = clients["Connect JSON"];
  const [username, email] = [unique(), `${unique()}@example.com`];
  const first = at(FIRST, 1_999_999);
  await clients["grpc-js"].users.importUsers(
    (async function* () {
      yield { user: { username, email, dateJoined: first, emails: [{ email, dateAdded: first }] } };
    })(),
  );
  const { results } = await users.lookupUsers({ keys: [{ key: { case: "username", value: username } }], view: 2 });
  expect(results[0]?.user).toMatchObject({ dateJoined: at(FIRST, 1_000_000), emails: [{ dateAdded: at(FIRST, 1_000_000) }] });
});

describe("a time that is stored already and no answer can hold is answered as the nearest that one can:", () => {
  test.for([
    ["the year 10000", "10000-01-01", at(LAST, 999_000_000)],
    ["infinity", "infinity", at(LAST, 999_000_000)],
    ["the year 44 before our time", "0044-03-15 BC", at(FIRST)],
    ["minus infinity", "-infinity", at(FIRST)],
    ["the year 99", "0099-05-01", timestampFromDate(new Date("0099-05-01T00:00:00Z"))],
  ] as const)("%s", async ([, stored, answered], { clients, db }) => {
    const { id } = await createUser(clients["grpc-js"]);
    await sql`update users set date_joined = ${stored}::timestamptz, last_password_change = ${stored}::timestamptz where id = ${id}`.execute(
      db.sql,
    );
    await sql`update user_email set date_added = ${stored}::timestamptz where user_id = ${id}`.execute(db.sql);
    for (const kind of clientKinds) {
      const { user } = await clients[kind].users.getUser({ id, consistency: { mode: { case: "fullyConsistent", value: true } } });
      expect(user).toMatchObject({ dateJoined: answered, emails: [{ dateAdded: answered }] });
    }
  });

  test("the expire_time of an option, which could be the year 10000", async ({ clients, db }) => {
    const { options } = clients["Connect JSON"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    await options.setOption({ userId, key: "k", value: value(1) });
    await sql`update user_option set expire_time = '10000-01-01' where user_id = ${userId}`.execute(db.sql);
    const consistency = { mode: { case: "fullyConsistent", value: true } } as const;
    const last = at(LAST, 999_000_000);
    expect((await options.getOption({ userId, key: "k", consistency })).option?.expireTime).toEqual(last);
    expect((await options.listOptions({ userId, consistency })).options[0]?.expireTime).toEqual(last);
    expect((await options.listOptionRevisions({ userId, key: "k" })).revisions.map(({ expireTime }) => expireTime)).toContainEqual(last);
  });
});
