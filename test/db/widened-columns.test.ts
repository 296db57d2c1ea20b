import { sql } from "kysely";
import { expect } from "vitest";
import { createOrganization, createUser, unique, value } from "../support/build.ts";
import { test } from "../support/service.ts";

/** More than the pool has connections, so that each of them has prepared the statements. */
const MANY = 30;

const times = async (call: () => Promise<unknown>): Promise<void> => void (await Promise.all(Array.from({ length: MANY }, call)));

test("a column becomes longer while connections hold statements on its table, and no call fails", async ({ clients, db }) => {
  const client = clients["grpc-js"];
  const releases = client.families["ReleaseService"] as unknown as Record<string, (request: object) => Promise<Record<string, unknown>>>;
  const { id: organizationId } = await createOrganization(client);
  const { id: userId } = await createUser(client);
  const create = async () =>
    (await releases["createRelease"]?.({ release: { organizationId, version: unique() } }))?.["release"] as { id: bigint };
  const { id } = await create();
  const consistency = { mode: { case: "fullyConsistent" as const, value: true } };
  const calls = {
    CreateRelease: create,
    UpdateRelease: async () => releases["updateRelease"]?.({ release: { id, ref: unique() } }),
    GetRelease: async () => releases["getRelease"]?.({ key: { case: "id", value: id } }),
    ListReleases: async () => releases["listReleases"]?.({ organizationId }),
    GetUser: () => client.users.getUser({ id: userId, consistency }),
    UpdateUser: () => client.users.updateUser({ user: { id: userId, name: unique() } }),
    ListUsers: () => client.users.listUsers({ pageSize: 2 }),
  };
  for (const call of Object.values(calls)) await times(call);
  for (const [table, column] of [
    ["release", "version"],
    ["users", "avatar_url"],
  ] as const)
    await sql`alter table ${sql.ref(table)} alter column ${sql.ref(column)} type varchar(5000)`.execute(db.sql);
  for (const [name, call] of Object.entries(calls)) await expect(times(call), name).resolves.toBeUndefined();
});

test("a write that is answered is stored, also where the versions of what it wrote are asked for anew", async ({ clients, db }) => {
  const { options } = clients["grpc-js"];
  const { id: userId } = await createUser(clients["grpc-js"]);
  const set = (key: string) => options.setOption({ userId, key, value: value(key) });
  const keys = Array.from({ length: MANY }, (_, index) => `k${index}`);
  await Promise.all(keys.map((key) => set(`before-${key}`)));
  // The last question of a write goes together with its COMMIT. Asked again behind that, it would have an answer, and nothing would be stored.
  const { rows: found } = await sql<{ text: string }>`select pg_get_functiondef('end_write'::regproc) as text`.execute(db.sql);
  const widened = found[0]?.text.replace("OUT epoch text", "OUT epoch varchar") ?? "";
  await db.sql.transaction().execute(async (tx) => {
    await sql`drop function end_write(text[], bigint[])`.execute(tx);
    await sql.raw(widened).execute(tx);
  });
  await Promise.all(keys.map(set));
  const { rows } = await sql<{ key: string }>`
    select key from user_option where user_id = ${userId} and key not like 'before-%'`.execute(db.sql);
  expect(rows.map(({ key }) => key).toSorted()).toEqual(keys.toSorted());
});
