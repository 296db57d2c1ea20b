import { sql } from "kysely";
import { expect } from "vitest";
import { createOrganization, createUser, unique } from "../support/build.ts";
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
