import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { anyUnpack, ValueSchema } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import { describe, expect } from "vitest";
import { createFeedPositions } from "../../src/changes/feed-position.ts";
import { ReleaseSchema } from "../../src/gen/userd/kinds/v1/release_pb.ts";
import { AuditOperation } from "../../src/gen/userd/v1/audit_entry_pb.ts";
import { ChangePayload } from "../../src/gen/userd/v1/change_pb.ts";
import { createOrganization, createUser, unique } from "../support/build.ts";
import { secretKey } from "../support/database.ts";
import { expectRefusal } from "../support/errors.ts";
import { clientKinds, test } from "../support/service.ts";
import { watch } from "./watch-fixture.ts";

const json = (value: JsonValue) => fromJson(ValueSchema, value);

describe.for(clientKinds)("%s", (kind) => {
  test("a watcher of a user sees its changes in order, and none of others", async ({ clients: { [kind]: own } }) => {
    const [user, other] = [await createUser(own), await createUser(own)];
    await using stream = watch(own, { filter: { userIds: [user.id] } });
    const { bookmark: first } = await stream.message();
    expect(first?.position).not.toBe("");
    for (const value of [1, 2, 3]) {
      await own.options.setOption({ userId: user.id, key: "layout", value: json(value) });
      await own.options.setOption({ userId: other.id, key: "layout", value: json(value) });
    }
    const changes = await stream.changes(3);
    expect(changes.map(({ aggregate, key, userId }) => [aggregate, key, userId])).toEqual(
      Array(3).fill([`user/${user.id}`, "0/0/layout", user.id]),
    );
    expect(changes.map(({ operation }) => operation)).toEqual([AuditOperation.INSERT, AuditOperation.UPDATE, AuditOperation.UPDATE]);
    expect(changes.map(({ version }) => version)).toEqual(changes.map((_, index) => (changes[0]?.version ?? 0n) + BigInt(index)));
    expect(changes[1]).toMatchObject({ kind: "user_option", changedFields: ["value"], caller: "local", version: expect.any(BigInt) });
  });

  test("a stream goes on behind a position, and behind a write by its token", async ({ clients: { [kind]: own } }) => {
    const user = await createUser(own);
    const filter = { userIds: [user.id] };
    const { head } = await own.changes.getFeedPosition({});
    await own.options.setOption({ userId: user.id, key: "a", value: json(1) });
    const { consistencyToken } = await own.options.setOption({ userId: user.id, key: "b", value: json(1) });
    await own.options.setOption({ userId: user.id, key: "c", value: json(1) });
    await using stream = watch(own, { filter, start: { case: "position", value: head } });
    const changes = await stream.changes(3);
    expect(changes.map(({ key }) => key)).toEqual(["0/0/a", "0/0/b", "0/0/c"]);
    await using again = watch(own, { filter, start: { case: "position", value: changes[0]?.position ?? "" } });
    expect((await again.changes(2)).map(({ key }) => key)).toEqual(["0/0/b", "0/0/c"]);
    await using behind = watch(own, { filter, start: { case: "consistencyToken", value: consistencyToken } });
    expect((await behind.settled()).map(({ key }) => key)).toEqual(["0/0/c"]);
    await using all = watch(own, { filter, start: { case: "earliest", value: true } });
    expect((await all.settled()).map(({ key }) => key)).toEqual(expect.arrayContaining([String(user.id), "0/0/a", "0/0/b", "0/0/c"]));
  });

  test("CURRENT sends the resource as it is now, and nothing of what is gone", async ({ clients: { [kind]: own } }) => {
    const user = await createUser(own);
    await using stream = watch(own, { filter: { userIds: [user.id] }, payload: ChangePayload.CURRENT });
    await stream.message();
    await own.users.updateUser({ user: { id: user.id, name: "Ann" }, updateMask: { paths: ["name"] } });
    await own.options.setOption({ userId: user.id, key: "theme", value: json("dark") });
    await own.options.setOption({ userId: user.id, key: "gone", value: json(1) });
    await own.options.deleteOption({ userId: user.id, key: "gone" });
    const [renamed, set, ...gone] = await stream.changes(4);
    expect(renamed?.current?.resource).toMatchObject({ case: "user", value: { id: user.id, name: "Ann" } });
    expect(set?.current?.resource).toMatchObject({ case: "userOption", value: { key: "theme" } });
    expect(gone.at(-1)?.current).toBeUndefined();
  });

  test("a resource of a kind comes as Any, an organization by its type", async ({ clients: { [kind]: own } }) => {
    await using stream = watch(own, { filter: { kinds: ["organization", "release"] }, payload: ChangePayload.CURRENT });
    await stream.message();
    const organization = await createOrganization(own);
    const version = unique("v");
    const releases = own.families["ReleaseService"] as unknown as { createRelease: (request: object) => Promise<unknown> };
    await releases.createRelease({ release: { organizationId: organization.id, version } });
    const changes = (await stream.settled()).filter(({ aggregate }) => aggregate.endsWith(`organization/${organization.id}`));
    expect(changes[0]?.current?.resource).toMatchObject({ case: "organization", value: { id: organization.id } });
    const last = changes.at(-1)?.current?.resource;
    expect(last?.case === "other" && anyUnpack(last.value, ReleaseSchema)).toMatchObject({ version });
  });

  test("a snapshot sends what there is, then a bookmark, then what changes", async ({ clients: { [kind]: own } }) => {
    const user = await createUser(own);
    for (const key of ["a", "b"]) await own.options.setOption({ userId: user.id, key, value: json(key) });
    await using stream = watch(own, {
      filter: { userIds: [user.id], kinds: ["users", "user_option"] },
      start: { case: "snapshot", value: true },
      payload: ChangePayload.CURRENT,
    });
    const [users, options, last] = [await stream.message(), await stream.message(), await stream.message()];
    expect(users.changes.map(({ current, version }) => [current?.resource.case, version])).toEqual([["user", 3n]]);
    expect(options.changes.map(({ key }) => key)).toEqual(["0/0/a", "0/0/b"]);
    expect(last).toMatchObject({ changes: [], bookmark: { position: expect.any(String) } });
    await own.options.setOption({ userId: user.id, key: "a", value: json("new") });
    expect((await stream.changes(1))[0]).toMatchObject({ key: "0/0/a", operation: AuditOperation.UPDATE });
  });

  test("positions that nobody was given are refused", async ({ clients: { [kind]: own } }) => {
    const from = (value: string) => watch(own, { start: { case: "position", value } }).end();
    const { head } = await own.changes.getFeedPosition({});
    await expectRefusal(from("forged"), "InvalidArgument", "POSITION_INVALID");
    await expectRefusal(from(`${head.slice(0, -1)}_`), "InvalidArgument", "POSITION_INVALID");
    const positions = createFeedPositions(secretKey);
    const { epoch = "", position = 0n } = positions.read(head) ?? {};
    await expectRefusal(from(positions.issue({ epoch, position: position + 1_000n })), "InvalidArgument", "POSITION_INVALID");
    await expectRefusal(from(positions.issue({ epoch: "another", position })), "OutOfRange", "POSITION_OF_ANOTHER_EPOCH");
    await expectRefusal(watch(own, { start: { case: "consistencyToken", value: "forged" } }).end(), "InvalidArgument", "TOKEN_INVALID");
  });

  test("bookmarks come where nothing changes, and vouch for later and later times", async ({ clients: { [kind]: own } }) => {
    await using stream = watch(own, { filter: { userIds: [9_999_999n] } });
    const times: bigint[] = [];
    for (let count = 0; count < 4; count += 1) {
      const { changes, bookmark } = await stream.message();
      expect(changes).toEqual([]);
      times.push((bookmark?.time?.seconds ?? 0n) * 1_000_000_000n + BigInt(bookmark?.time?.nanos ?? 0));
    }
    expect(times[0]).toBeGreaterThan(0n);
    expect(times).toEqual(times.toSorted((a, b) => (a < b ? -1 : 1)));
    expect(times[3]).toBeGreaterThan(times[0] ?? 0n);
  });
});

test("filters hold for operations, keys of options and kinds of aggregates", async ({ clients: { "grpc-js": own } }) => {
  const user = await createUser(own);
  const ofUser = { userIds: [user.id] };
  await using deleted = watch(own, { filter: { ...ofUser, operations: [AuditOperation.DELETE] } });
  await using keyed = watch(own, { filter: { ...ofUser, optionKeys: ["one"] } });
  await using names = watch(own, { filter: { aggregateKinds: ["canonical_name"] } });
  for (const stream of [deleted, keyed, names]) await stream.message();
  await own.options.setOption({ userId: user.id, key: "one", value: json(1) });
  await own.options.setOption({ userId: user.id, key: "two", value: json(1) });
  await own.options.deleteOption({ userId: user.id, key: "two" });
  await own.users.updateUser({ user: { id: user.id, username: unique("renamed") }, updateMask: { paths: ["username"] } });
  expect((await deleted.settled()).map(({ key }) => key)).toEqual(["0/0/two"]);
  expect((await keyed.settled()).map(({ key }) => key)).toEqual(["0/0/one"]);
  const named = await names.settled();
  expect(named.every(({ aggregate, kind }) => aggregate.startsWith("canonical_name/") && kind === "")).toBe(true);
  expect(named.length).toBeGreaterThanOrEqual(2);
});

test("more than 1,000 changes at once arrive in parts, of which the last one vouches for a time", async ({
  clients: { "grpc-js": own },
  db,
}) => {
  const user = await createUser(own);
  await using stream = watch(own, { filter: { userIds: [user.id] } });
  await stream.message();
  await sql`insert into user_option (user_id, scope_kind, scope_id, key, value)
    select ${user.id}, 0, 0, 'k' || n, '1' from generate_series(1, 2500) n`.execute(db.sql);
  const keys = new Set((await stream.settled()).map(({ key }) => key));
  expect(keys.size).toBe(2_500);
});

test("a position that was pruned is refused with the earliest one, which is one to go on from", async ({ clients, db }) => {
  const { "grpc-js": own } = clients;
  const { head } = await own.changes.getFeedPosition({});
  await createUser(own);
  const kept = await createUser(own);
  await own.changes.getFeedPosition({});
  const positions = createFeedPositions(secretKey);
  const { epoch = "", position = 0n } = positions.read(head) ?? {};
  await sql`delete from feed where position <= ${position + 1n}`.execute(db.sql);
  for (const kind of clientKinds) {
    const behind = watch(clients[kind], { start: { case: "position", value: head } });
    const { info } = await expectRefusal(behind.end(), "OutOfRange", "POSITION_EXPIRED");
    const earliest = info?.metadata["earliest"] ?? "";
    expect(positions.read(earliest)).toEqual({ epoch, position: position + 1n });
    await using next = watch(clients[kind], { filter: { userIds: [kept.id] }, start: { case: "position", value: earliest } });
    expect((await next.changes(1))[0]).toMatchObject({ kind: "users", key: String(kept.id) });
  }
});

test.for(clientKinds)("filters over their limits are refused: %s", async (kind, { clients: { [kind]: own } }) => {
  const ids = Array.from({ length: 1_001 }, (_, index) => BigInt(index + 1));
  const keys = ids.map((id) => `k${id}`);
  for (const [filter, field] of [
    [{ userIds: ids }, "filter.user_ids"],
    [{ organizationIds: ids }, "filter.organization_ids"],
    [{ projectIds: ids }, "filter.project_ids"],
    [{ optionKeys: keys.slice(0, 101) }, "filter.option_keys"],
    [{ kinds: keys.slice(0, 33) }, "filter.kinds"],
    [{ aggregateKinds: keys.slice(0, 33) }, "filter.aggregate_kinds"],
    [{ operations: Array(9).fill(AuditOperation.INSERT) }, "filter.operations"],
  ] as const)
    expect((await expectRefusal(watch(own, { filter }).end(), "InvalidArgument", "FIELD_INVALID")).fields).toEqual([field]);
  for (const bookmarkInterval of [{ nanos: 99_000_000 }, { seconds: -1n }]) {
    const { fields } = await expectRefusal(watch(own, { bookmarkInterval }).end(), "InvalidArgument", "FIELD_INVALID");
    expect(fields).toEqual(["bookmark_interval"]);
  }
  await using most = watch(own, { filter: { userIds: ids.slice(0, 1_000) } });
  await most.message();
});
