import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { sql } from "kysely";
import { expect } from "vitest";
import type { Call } from "../../src/call.ts";
import { createIdempotency } from "../../src/db/idempotency.ts";
import { createWrite } from "../../src/db/transaction.ts";
import { SetOptionRequestSchema, type SetOptionResponse } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { createOptionScopes } from "../../src/options/option-scopes.ts";
import type { OptionRegistry } from "../../src/options/registry/registry.ts";
import { setOption } from "../../src/options/set-option.ts";
import { createConsistencyTokens } from "../../src/versions/token.ts";
import { createUser, value } from "../support/build.ts";
import { test as base, testCall } from "../support/service.ts";
import { json } from "./json.ts";
import { statementsOf } from "./statements.ts";

const key = Buffer.alloc(32, 7);
const MOST_BYTES = 200;

/** `set` is a SetOption of a process of its own, without a transport: so several come in one turn of the event loop. */
const test = base.extend("set", async ({ db, service: _ }) => {
  const write = createWrite(db, {
    tokens: createConsistencyTokens(key),
    idempotency: createIdempotency(key),
    permit: () => undefined,
    committed: () => {},
  });
  const closed = { read: new Set(), write: new Set() };
  const registry = { get: () => undefined, assertFits: () => {}, closedTo: () => closed } as unknown as OptionRegistry;
  const quotas = { optionsPerUser: 10, optionBytesPerUser: MOST_BYTES, resourcesPerProfile: 1 };
  const operation = setOption({ write, registry, optionScopes: createOptionScopes("trust"), quotas });
  return async (request: MessageInitShape<typeof SetOptionRequestSchema>, call: Partial<Call> = {}) =>
    (await operation(testCall(call), create(SetOptionRequestSchema, request))) as SetOptionResponse;
});

const isTogether = (statement: string): boolean => statement.includes("store_options_of_users(");

test("what goes together is stored, logged, kept and answered as what goes by itself", async ({ clients, db, set }) => {
  const { options } = clients["grpc-js"];
  const inTurn = await Promise.all(Array.from({ length: 6 }, () => createUser(clients["grpc-js"])));
  const oneByOne = await Promise.all(inTurn.map(() => createUser(clients["grpc-js"])));
  const never = { seconds: 4_000_000_000n, nanos: 0 };
  const requests = [
    { value: value("another") },
    { value: value({ 'a "quote", a \\ and {braces}': [1, null, "é\n"] }) },
    { value: value("first"), expireTime: never },
    { value: value("first") },
    { value: value("another"), projectId: 7n },
    { value: value("another"), expireTime: never, organizationId: 7n },
  ];
  for (const users of [inTurn, oneByOne]) {
    for (const [index, { id: userId }] of users.entries()) {
      const { projectId = 0n, organizationId = 0n } = requests[index] as { projectId?: bigint; organizationId?: bigint };
      // As many that the next one removes old revisions, for some.
      const writes = index < 2 ? 23 : 2;
      for (let version = 1; version <= writes; version += 1) {
        const first = version === writes ? "first" : `before ${version}`;
        await options.setOption({ userId, key: "k", value: value(first), projectId, organizationId });
      }
    }
    // The fourth has expired.
    await sql`update user_option set expire_time = '2001-01-01' where user_id = ${users[3]?.id} and key = 'k'`.execute(db.sql);
  }
  const request = (userId: bigint, index: number) => ({ ...requests[index], userId, key: "k" });
  const call = { requestId: "of the log", reason: 'said "so"' };
  let together: SetOptionResponse[] = [];
  const sent = await statementsOf(async () => {
    together = await Promise.all(inTurn.map(({ id }, index) => set(request(id, index), call)));
  });
  expect(sent).toEqual([expect.stringContaining("store_options_of_users(")]);
  const alone: SetOptionResponse[] = [];
  for (const [index, { id }] of oneByOne.entries()) alone.push(await set(request(id, index), call));

  const answered = ({ option, created, changed, locked }: SetOptionResponse) => ({
    created,
    changed,
    locked,
    value: json(option?.value),
    etag: option?.etag.split(".").at(-1),
    expireTime: option?.expireTime,
    isNew: option?.createTime?.seconds === option?.updateTime?.seconds && option?.createTime?.nanos === option?.updateTime?.nanos,
  });
  expect(together.map(answered)).toEqual(alone.map(answered));
  expect(together.map(({ created }) => created)).toEqual([false, false, false, true, false, false]);
  for (const { id: userId } of inTurn) {
    const { options: listed } = await options.listOptions({ userId, allScopes: true });
    expect(listed).toEqual([together[inTurn.findIndex(({ id }) => id === userId)]?.option]);
  }
  for (const table of [
    sql`select kind, key, operation, changed_columns, version - first_value(version) over (partition by aggregate_id order by id) as version, caller,
        acting_user_id, case when caller = 'test' then request_id end as request_id, reason, changed, project_id, aggregate_kind from changes where kind = 'user_option' and aggregate_id =`,
    sql`select scope_kind, scope_id, key, value, expire_time, caller, acting_user_id from option_revision where user_id =`,
    sql`select version, key, scope_kind, scope_id, value, bytes, expire_time, (create_time = update_time) as is_new from user_option where user_id =`,
    sql`select told_xid = xid as is_told from aggregate_version where kind = 'user' and id =`,
  ]) {
    for (const [index, { id }] of inTurn.entries()) {
      const rowsOf = async (userId: bigint) => (await sql`${table} ${userId} order by id`.execute(db.sql)).rows;
      const rows = await rowsOf(id);
      expect(rows.length).toBeGreaterThan(0);
      expect(rows).toEqual(await rowsOf(oneByOne[index]?.id ?? 0n));
    }
  }
  expect(
    (await sql`select from version_bump where aggregate_id = any(${inTurn.map(({ id }) => String(id))})`.execute(db.sql)).rows,
  ).toEqual([]);
});

const outcomeOf = (answer: Promise<SetOptionResponse>): Promise<object> =>
  answer.then(
    ({ changed, created }) => ({ changed, created }),
    ({ reason }) => ({ reason }),
  );

const CHANGED = { changed: true, created: false };

test("whom a statement of several leaves out is written by itself, and has an answer of its own", async ({ clients, db, set }) => {
  const { options, users } = clients["grpc-js"];
  const first = value("a");
  const userOf = async (has: MessageInitShape<typeof SetOptionRequestSchema>[]): Promise<bigint> => {
    const { id: userId } = await createUser(clients["grpc-js"]);
    for (const one of has) await options.setOption({ key: "k", value: first, ...one, userId });
    return userId;
  };
  const plain = await Promise.all(Array.from({ length: 6 }, () => userOf([{}])));
  const [equal, fresh, full, deleted, locked] = [
    await userOf([{ value: value("b") }]),
    await userOf([]),
    await userOf([{}, { key: "other", value: value("c".repeat(MOST_BYTES - 10)) }]),
    await userOf([{}]),
    await userOf([{}]),
  ];
  await users.deleteUser({ id: deleted });
  const transaction = await db.sql.startTransaction().execute();
  await sql`select from aggregate_version where kind = 'user' and id = ${locked} for update`.execute(transaction);
  const write = (userId: bigint) => outcomeOf(set({ userId, key: "k", value: userId === full ? value("bbbbbbbbbb") : value("b") }));
  let waits: Promise<object> | undefined;
  const sent = await statementsOf(async () => {
    waits = write(locked);
    expect(await Promise.all([...plain, equal, fresh, full, deleted].map(write))).toEqual([
      ...plain.map(() => CHANGED),
      { changed: false, created: false },
      { changed: true, created: true },
      { reason: "QUOTA_EXCEEDED" },
      { reason: "USER_DELETED" },
    ]);
  });
  expect(sent.filter(isTogether)).toHaveLength(1);
  expect(sent.filter((statement) => statement.includes("store_option("))).toHaveLength(5);
  await transaction.rollback().execute();
  expect(await waits).toEqual(CHANGED);
});

test("who has locked an option without its user holds up the others for a moment alone", async ({ clients, db, set }) => {
  const { options } = clients["grpc-js"];
  const all = await Promise.all(Array.from({ length: 3 }, () => createUser(clients["grpc-js"])));
  await Promise.all(all.map(({ id: userId }) => options.setOption({ userId, key: "k", value: value("a") })));
  const [held, ...others] = all.map(({ id }) => id) as [bigint, ...bigint[]];
  const transaction = await db.sql.startTransaction().execute();
  await sql`select from user_option where user_id = ${held} for update`.execute(transaction);
  const write = (userId: bigint) => outcomeOf(set({ userId, key: "k", value: value("b") }));
  const waits = write(held);
  expect(await Promise.all(others.map(write))).toEqual(others.map(() => CHANGED));
  await transaction.rollback().execute();
  expect(await waits).toEqual(CHANGED);
});

test("what goes together reads the rows that it wants, also before the database has counted those of its tables", async ({
  clients,
  db,
}) => {
  const { users, options } = clients["grpc-js"];
  const made = await users.batchCreateUsers({ users: Array.from({ length: 500 }, () => ({ username: crypto.randomUUID() })) });
  const ids = made.results.slice(0, 6).map(({ result }) => (result.case === "user" ? result.value.id : 0n));
  await Promise.all(ids.map((userId) => options.setOption({ userId, key: "counted", value: value(1) })));
  const read = await db.sql.transaction().execute(async (tx) => {
    const column = (one: string) => ids.map(() => one);
    const stored = await sql<{
      answer: string;
    }>`select store_options_of_users('c', ${column("")}::text[], ${column("")}::text[], ${ids}::bigint[],
      ${column("0")}::smallint[], ${column("0")}::bigint[], ${column("counted")}::text[], ${column("2")}::text[],
      ${ids.map(() => null)}::timestamptz[], 1000000) as answer`.execute(tx);
    expect(stored.rows[0]?.answer.split("\n")).toHaveLength(ids.length);
    const { rows } = await sql<{ relname: string; seq_tup_read: bigint }>`select relname, seq_tup_read from pg_stat_xact_user_tables
      where relname in ('users', 'user_option') order by relname`.execute(tx);
    return rows.map(({ relname, seq_tup_read }) => `${relname} ${seq_tup_read}`);
  });
  expect(read).toEqual(["user_option 0", "users 0"]);
});
