import { sql } from "kysely";
import { expect } from "vitest";
import type { Database } from "../../src/db/orm.ts";
import type { ErasureReceipt } from "../../src/gen/userd/v1/user_erasure_pb.ts";
import { createReceipts, verifiedStatement } from "../../src/lifecycle/erasure/receipts.ts";
import { startPurger } from "../../src/lifecycle/purger.ts";
import { OPTIONS_AT_ONCE } from "../../src/lifecycle/remove-scopes.ts";
import { notePartings } from "../../src/lifecycle/scope-history.ts";
import { createSystemUser } from "../../src/users/system-user.ts";
import { createOrganization, createProject, createUser, value } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { secretKey, silent } from "../support/database.ts";
import { testEraser } from "../support/eraser.ts";
import { test } from "../support/service.ts";

const { publicKey } = createReceipts(secretKey, undefined);

const patient = { timeoutMs: 60_000 };

const tablesOf = (receipt: ErasureReceipt | undefined) =>
  verifiedStatement({ statement: receipt?.statement ?? "", signature: receipt?.signature ?? new Uint8Array() }, publicKey)?.tables;

/** The number of rows in scopes, by table. */
const rowsIn = async (db: Database, ids: Readonly<Record<"organization" | "project", bigint>>): Promise<Record<string, number>> => {
  const scopes = sql`((1, ${ids.organization}::bigint), (2, ${ids.project}::bigint))`;
  const { rows } = await sql<{ table: string; count: number }>`
    select 'user_option' as table, count(*)::int as count from user_option where (scope_kind, scope_id) in ${scopes}
    union all
    select 'option_revision', count(*)::int from option_revision where (scope_kind, scope_id) in ${scopes}
    union all
    select 'merge_discard', count(*)::int from merge_discard
      where table_name = 'user_option' and (("row" ->> 'scope_kind')::int, ("row" ->> 'scope_id')::bigint) in ${scopes}`.execute(db.sql);
  return Object.fromEntries(rows.filter(({ count }) => count > 0).map(({ table, count }) => [table, count]));
};

const merge = async ({ users }: Clients, fromUserId: bigint, toUserId: bigint): Promise<void> => {
  const pair = { fromUserId, toUserId };
  await users.mergeUsers({ ...pair, planEtag: (await users.planUserMerge(pair)).plan?.etag ?? "" });
};

/** Makes an organization with a project, in which options are, were deleted, have moved, have lost in a merge, and have come back from one. */
const furnish = async (own: Clients) => {
  const { id: organization } = await createOrganization(own);
  const project = (await createProject(own, organization)).id;
  const scopes = [{ organizationId: organization }, { projectId: project }];
  const set = async (userId: bigint, key: string, text: string): Promise<void> => {
    for (const scope of scopes) await own.options.setOption({ userId, key, value: value(text), ...scope });
  };
  const [stays, deleted, from, to, back, target] = [
    await createUser(own),
    await createUser(own),
    await createUser(own),
    await createUser(own),
    await createUser(own),
    await createUser(own),
  ].map(({ id }) => id) as [bigint, bigint, bigint, bigint, bigint, bigint];
  await set(stays, "k", "a");
  await set(deleted, "k", "a");
  for (const scope of scopes) await own.options.deleteOption({ userId: deleted, key: "k", ...scope });
  await set(from, "moves", "a");
  await set(from, "loses", "a");
  await set(to, "loses", "b");
  await merge(own, from, to);
  await set(back, "moves", "a");
  await merge(own, back, target);
  await own.users.undoUserMerge({ fromUserId: back });
  return { ids: { organization, project }, users: [stays, deleted, from, to, back, target], from };
};

test("U40 a purge of an organization removes the history of what was deleted there, and what merges keep of it; the receipt counts both", async ({
  clients,
  db,
}) => {
  const own = clients["grpc-js"];
  const { ids, users, from } = await furnish(own);
  const elsewhere = (await createOrganization(own)).id;
  await own.options.setOption({ userId: users[1] ?? 0n, organizationId: elsewhere, key: "k", value: value("a") });
  const before = await rowsIn(db, ids);
  expect(before).toMatchObject({ user_option: 8, merge_discard: 2 });
  const { plan } = await own.organizations.planOrganizationErasure({ organizationId: ids.organization }, patient);
  const { receipt } = await own.organizations.purgeOrganization({ id: ids.organization }, patient);
  expect(await rowsIn(db, ids)).toEqual({});
  expect(tablesOf(receipt)).toMatchObject(before);
  expect(Object.fromEntries(plan?.counts.map(({ table, removed }) => [table, Number(removed)]) ?? [])).toMatchObject(before);
  expect((await own.options.listOptionRevisions({ userId: users[1] ?? 0n, organizationId: elsewhere, key: "k" })).revisions).toHaveLength(
    1,
  );
  // What has lost does not come back into an organization that is gone.
  await own.users.undoUserMerge({ fromUserId: from });
  expect(await rowsIn(db, ids)).toEqual({});
});

test("U40 the history that merges have left in a scope is found by the scope, also in a database that was imported", async ({
  clients,
  db,
}) => {
  const own = clients["grpc-js"];
  const { ids, users } = await furnish(own);
  const [, , from, , back, target] = users;
  const noted = async () => {
    const { rows } = await sql<{ user: bigint; kind: number }>`
      select user_id as "user", scope_kind as kind from parted_history
      where scope_kind = 1 and scope_id = ${ids.organization} or scope_kind = 2 and scope_id = ${ids.project} order by 1, 2`.execute(
      db.sql,
    );
    return rows.map(({ user, kind }) => [user, kind]);
  };
  const inBoth = (...some: unknown[]) => some.flatMap((user) => [1, 2].map((kind) => [user, kind]));
  expect(await noted()).toEqual(inBoth(from, back, target));
  await sql`delete from parted_history`.execute(db.sql);
  await notePartings(db.session());
  // Whose options have come back is found by these.
  expect(await noted()).toEqual(inBoth(from, target));
});

test("U40 the history of what was deleted in a scope with many options goes with these", async ({ clients, db }) => {
  const own = clients["grpc-js"];
  const { ids } = await furnish(own);
  await sql`
    insert into scope_option (scope_kind, scope_id, key, value)
    select 1, ${ids.organization}, 'key-' || n, '1' from generate_series(1, ${OPTIONS_AT_ONCE}::int) n`.execute(db.sql);
  await own.organizations.purgeOrganization({ id: ids.organization }, patient);
  await using purger = startPurger(db, createSystemUser("sentry"), 0, silent, testEraser);
  await purger.purge();
  expect(await rowsIn(db, ids)).toEqual({});
});

test.for(["organization", "project"] as const)(
  "U40 an option that is written while a purge of its %s begins is counted in the receipt",
  async (kind, { clients, db }) => {
    const own = clients["grpc-js"];
    const { id: userId } = await createUser(own);
    const organization = (await createOrganization(own)).id;
    const ids = { organization, project: (await createProject(own, organization)).id };
    const [scopeKind, table] = kind === "organization" ? [1, sql`organization`] : [2, sql`project`];
    const purge = () => {
      if (kind === "organization") return own.organizations.purgeOrganization({ id: ids.organization }, patient);
      return own.organizations.purgeProject({ id: ids.project }, patient);
    };
    let purged: ReturnType<typeof purge> | undefined;
    await db.sql.transaction().execute(async (writer) => {
      // As a write of an option can do: it holds the row of the scope, and commits while the purge waits for that.
      await sql`select from ${table} where id = ${ids[kind]} for share`.execute(writer);
      purged = purge();
      const isWaiting = async (): Promise<boolean> => {
        const { rows } = await sql`
          select from pg_stat_activity where pg_backend_pid() = any(pg_blocking_pids(pid)) limit 1`.execute(writer);
        return rows.length > 0;
      };
      await expect.poll(isWaiting, { timeout: 30_000 }).toBe(true);
      await sql`
        insert into user_option (user_id, scope_kind, scope_id, key, value) values (${userId}, ${scopeKind}, ${ids[kind]}, 'k', '1')`.execute(
        writer,
      );
    });
    const tables = tablesOf((await purged)?.receipt);
    expect(tables).toMatchObject({ [kind]: 1, user_option: 1, option_revision: 1 });
    expect(await rowsIn(db, ids)).toEqual({});
  },
);
