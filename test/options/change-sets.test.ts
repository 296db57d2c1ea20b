import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import { describe, expect } from "vitest";
import type { Database } from "../../src/db/orm.ts";
import type { ApplyOptionChangesRequestSchema } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { createUser, unique, value } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import { test } from "../support/service.ts";
import { json } from "./json.ts";

type Set = Parameters<typeof value>[0];

const set = (key: string, stored: Set, scope = {}) => ({
  change: { case: "set" as const, value: { key, value: value(stored), ...scope } },
});
const remove = (key: string, scope = {}) => ({ change: { case: "delete" as const, value: { key, ...scope } } });

const stored = async ({ options }: Clients, userId: bigint) =>
  Object.fromEntries((await options.listOptions({ userId, allScopes: true })).options.map((option) => [option.key, json(option.value)]));

/** All that may not move when nothing is stored. */
const stateOf = async (db: Database, userId: bigint) => {
  const { rows } = await sql`select
    (select count(*) from changes where aggregate_id = ${userId}) as changes,
    (select version from aggregate_version where kind = 'user' and id = ${userId}) as version,
    (select count(*) from option_revision where user_id = ${userId}) as revisions,
    (select jsonb_agg(o order by id) from user_option o where user_id = ${userId}) as options`.execute(db.sql);
  return rows;
};

describe("ApplyOptionChanges", () => {
  test("O20 what it stores and deletes is read at once, by every read", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    await options.setOption({ userId, key: "old", value: value(1), organizationId: 3n });
    const answer = await options.applyOptionChanges({
      userId,
      changes: [set("a", 1), remove("old", { organizationId: 3n }), set("b", { x: 2 }, { projectId: 5n })],
    });
    expect(answer.options.map((option) => [option.key, option.projectId, json(option.value)])).toEqual([
      ["a", 0n, 1],
      ["b", 5n, { x: 2 }],
    ]);
    const consistency = { mode: { case: "atLeastAsFresh" as const, value: answer.consistencyToken } };
    expect(json((await options.getOption({ userId, key: "a", consistency })).value)).toBe(1);
    expect(await stored(clients["grpc-js"], userId)).toEqual({ a: 1, b: { x: 2 } });
    const { results } = await options.batchGetOptions({ userIds: [userId], projectIds: [5n] });
    expect(results[0]?.options.map(({ key }) => key)).toEqual(["b"]);
    const resolved = await options.resolveOptions({ userIds: [userId], keys: ["a", "b", "old"], projectId: 5n, organizationId: 3n });
    expect(resolved.results[0]?.options.map((option) => json(option.value))).toEqual([1, { x: 2 }, undefined]);
    expect((await options.listOptionRevisions({ userId, key: "b", projectId: 5n })).revisions).toHaveLength(1);
  });

  test("O21 500 changes are one transaction; one that is invalid leaves nothing, and the violation names it", async ({ clients, db }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    const names = Array.from({ length: 500 }, (_, index) => `k${index}`);
    await options.applyOptionChanges({ userId, changes: names.map((name) => set(name, name)) });
    expect(Object.keys(await stored(clients["grpc-js"], userId))).toHaveLength(500);
    const before = await stateOf(db, userId);
    const version = await sql<{ count: bigint }>`
      select count(distinct version) as count from changes where aggregate_id = ${userId} and kind = 'user_option'`.execute(db.sql);
    expect(version.rows[0]?.count).toBe(1n);

    const changed = names.map((name, index) => set(name, index === 317 ? "x".repeat(70_000) : index));
    const { fields } = await expectRefusal(
      options.applyOptionChanges({ userId, changes: changed }),
      "InvalidArgument",
      "OPTION_VALUE_TOO_LARGE",
    );
    expect(fields).toEqual(["changes[317].set.value"]);
    expect(await stateOf(db, userId)).toEqual(before);
    await expectRefusal(options.applyOptionChanges({ userId, changes: [...changed, set("k500", 1)] }), "InvalidArgument", "FIELD_INVALID");
  });

  test("O21 what the proto refuses names the index too", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    const both = { projectId: 1n, organizationId: 1n };
    const bad: [ReturnType<typeof set | typeof remove>, string, string][] = [
      [set("a b", 1), "FIELD_INVALID", "changes[1].set.key"],
      [remove("", {}), "FIELD_INVALID", "changes[1].delete.key"],
      [{ change: { case: "set", value: { key: "k" } as never } }, "FIELD_INVALID", "changes[1].set.value"],
      [{ change: { case: undefined } } as never, "FIELD_INVALID", "changes[1].change"],
    ];
    for (const [change, reason, field] of bad) {
      const request = options.applyOptionChanges({ userId, changes: [set("ok", 1), change] });
      expect((await expectRefusal(request, "InvalidArgument", reason as never)).fields).toEqual([field]);
    }
    for (const [kind, change] of [
      ["set", set("k", 1, both)],
      ["delete", remove("k", both)],
    ] as const) {
      const request = options.applyOptionChanges({ userId, changes: [set("ok", 1), change] });
      expect((await expectRefusal(request, "InvalidArgument", "OPTION_SCOPE_CONFLICT")).fields).toEqual([`changes[1].${kind}`]);
    }
    const precondition = { key: "k", condition: { case: "mustExist" as const, value: true }, ...both };
    await expectRefusal(
      options.applyOptionChanges({ userId, changes: [set("k", 1)], preconditions: [precondition] }),
      "InvalidArgument",
      "OPTION_SCOPE_CONFLICT",
    );
    await expectRefusal(options.applyOptionChanges({ userId, changes: [] }), "InvalidArgument", "FIELD_INVALID");
    expect(await stored(clients["grpc-js"], userId)).toEqual({});
  });

  test("O21 an option may stand in one change only", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    for (const changes of [
      [set("a", 1), set("b", 1), set("a", 2)],
      [set("a", 1), set("b", 1), remove("a")],
    ]) {
      const { fields } = await expectRefusal(options.applyOptionChanges({ userId, changes }), "InvalidArgument", "DUPLICATE_ENTRY");
      expect(fields).toEqual(["changes[2]"]);
    }
    await options.applyOptionChanges({ userId, changes: [set("a", 1), set("a", 2, { projectId: 1n })] });
  });

  test("O21 deleting what is not there is NOT_FOUND with the index, and nothing is stored", async ({ clients, db }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    const before = await stateOf(db, userId);
    const request = options.applyOptionChanges({ userId, changes: [set("a", 1), remove("gone")] });
    const { info } = await expectRefusal(request, "NotFound", "OPTION_NOT_FOUND");
    expect(info?.metadata).toEqual({ index: "1", key: "gone" });
    expect(await stateOf(db, userId)).toEqual(before);
    await expectRefusal(options.applyOptionChanges({ userId: 9_000_000_000_000n, changes: [set("a", 1)] }), "NotFound", "USER_NOT_FOUND");
    await expectRefusal(options.applyOptionChanges({ userId: 9_000_000_000_000n, changes: [remove("a")] }), "NotFound", "USER_NOT_FOUND");
  });

  test("O22 preconditions that hold let the changes pass", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    await options.applyOptionChanges({ userId, changes: [set("a", { x: [1, 2], y: 1 }), set("n", null), set("p", 1, { projectId: 2n })] });
    await options.applyOptionChanges({
      userId,
      changes: [set("b", 1)],
      preconditions: [
        { key: "a", condition: { case: "mustEqual", value: value({ y: 1.0, x: [1, 2] }) } },
        { key: "n", condition: { case: "mustEqual", value: value(null) } },
        { key: "n", condition: { case: "mustExist", value: true } },
        { key: "b", condition: { case: "mustNotExist", value: true } },
        { key: "p", projectId: 2n, condition: { case: "mustExist", value: true } },
        { key: "p", condition: { case: "mustNotExist", value: true } },
      ],
    });
    expect(await stored(clients["grpc-js"], userId)).toMatchObject({ b: 1 });
  });

  test.for([
    ["must_equal of another value", "a", { case: "mustEqual", value: value(2) }],
    ["must_equal of another type", "a", { case: "mustEqual", value: value(true) }],
    ["must_equal of another order", "list", { case: "mustEqual", value: value([2, 1]) }],
    ["must_equal of what is not there", "none", { case: "mustEqual", value: value(null) }],
    ["must_exist", "none", { case: "mustExist", value: true }],
    ["must_not_exist", "a", { case: "mustNotExist", value: true }],
    ["must_exist of what has expired", "expired", { case: "mustExist", value: true }],
  ] as const)("O22 %s fails with its index and key, and nothing is stored", async ([, key, condition], { clients, db }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    const expiring = { expireTime: timestampFromMs(Date.now() + 60_000) };
    await options.applyOptionChanges({ userId, changes: [set("a", 1), set("list", [1, 2]), set("expired", 1, expiring)] });
    await sql`update user_option set expire_time = now() - interval '1 s' where user_id = ${userId} and key = 'expired'`.execute(db.sql);
    const before = await stateOf(db, userId);
    const holds = { key: "a", condition: { case: "mustExist" as const, value: true } };
    const { info } = await expectRefusal(
      options.applyOptionChanges({ userId, changes: [set("a", 9), remove("list")], preconditions: [holds, { key, condition }] }),
      "FailedPrecondition",
      "PRECONDITION_FAILED",
    );
    expect(info?.metadata).toEqual({ index: "1", key });
    expect(await stateOf(db, userId)).toEqual(before);
  });

  test("O22 of two change sets that race for one precondition one wins", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    const preconditions = [{ key: "lock", condition: { case: "mustNotExist" as const, value: true } }];
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => options.applyOptionChanges({ userId, changes: [set("lock", index)], preconditions })),
    );
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  test("O23 validate_only finds the same errors, and stores and logs nothing", async ({ clients, db }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    await options.setOption({ userId, key: "a", value: value(1) });
    const before = await stateOf(db, userId);
    const dry = (request: MessageInitShape<typeof ApplyOptionChangesRequestSchema> & { $typeName?: never }) =>
      options.applyOptionChanges({ ...request, userId, validateOnly: true });
    const answer = await dry({ changes: [set("a", 2), set("b", 3)] });
    expect(answer.options.map((option) => json(option.value))).toEqual([2, 3]);
    expect(answer.consistencyToken).toBe("");
    await expectRefusal(dry({ changes: [remove("none")] }), "NotFound", "OPTION_NOT_FOUND");
    await expectRefusal(dry({ changes: [set("theme", "chartreuse")] }), "InvalidArgument", "OPTION_VALUE_INVALID");
    const preconditions = [{ key: "a", condition: { case: "mustNotExist" as const, value: true } }];
    await expectRefusal(dry({ changes: [set("b", 1)], preconditions }), "FailedPrecondition", "PRECONDITION_FAILED");
    const requestId = crypto.randomUUID();
    await dry({ changes: [set("a", 2)], requestId });
    expect(await stateOf(db, userId)).toEqual(before);
    // The request_id of a check that stored nothing is still free.
    await options.applyOptionChanges({ userId, changes: [set("a", 5)], requestId });
    expect(await stored(clients["grpc-js"], userId)).toEqual({ a: 5 });
  });

  test("O16 a request_id makes one change set of two", async ({ clients, db }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    const key = unique("k");
    const request = { userId, changes: [set(key, 1)], requestId: crypto.randomUUID() };
    const first = await options.applyOptionChanges(request);
    const before = await stateOf(db, userId);
    expect(await options.applyOptionChanges(request)).toEqual(first);
    expect(await stateOf(db, userId)).toEqual(before);
    await expectRefusal(options.applyOptionChanges({ ...request, changes: [set(key, 2)] }), "InvalidArgument", "REQUEST_ID_REUSED");
  });
});
