import type { CallOptions } from "@connectrpc/connect";
import { sql } from "kysely";
import { describe, expect } from "vitest";
import { builtin } from "../../src/schema/kind-set.ts";
import { statementsOf } from "../options/statements.ts";
import { actingAs, createOrganization, createUser, uniqueId } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import { test } from "../support/service.ts";

const fresh = { mode: { case: "fullyConsistent", value: true } } as const;

/** The RPCs of the kinds that are cached. */
const rpcs = {
  organization: ({ organizations }: Clients) => ({
    create: async (client: Clients) => (await createOrganization(client)).id,
    get: async (id: bigint, isFresh = false, options?: CallOptions) =>
      (await organizations.getOrganization({ key: { case: "id", value: id }, ...(isFresh && { consistency: fresh }) }, options))
        .organization,
    rename: async (id: bigint, name: string) => (await organizations.updateOrganization({ organization: { id, name } })).organization,
    delete: (id: bigint) => organizations.deleteOrganization({ id }),
    purge: (id: bigint) => organizations.purgeOrganization({ id }),
  }),
  project: ({ organizations }: Clients) => ({
    create: async (client: Clients) => {
      const { id: organizationId } = await createOrganization(client);
      return (await organizations.createProject({ project: { organizationId, name: "Web" } })).project?.id ?? 0n;
    },
    get: async (id: bigint, isFresh = false, options?: CallOptions) =>
      (await organizations.getProject({ key: { case: "id", value: id }, ...(isFresh && { consistency: fresh }) }, options)).project,
    rename: async (id: bigint, name: string) => (await organizations.updateProject({ project: { id, name } })).project,
    delete: (id: bigint) => organizations.deleteProject({ id }),
    purge: (id: bigint) => organizations.purgeProject({ id }),
  }),
};

test("organizations and projects are cached, each by a version of its own", () => {
  expect(builtin.served.flatMap(({ name, cachedBy }) => (cachedBy === undefined ? [] : [[name, cachedBy]])).sort()).toEqual([
    ["organization", "organization"],
    ["project", "project"],
  ]);
});

describe.for([
  ["organization", "ORGANIZATION_NOT_FOUND"],
  ["project", "PROJECT_NOT_FOUND"],
] as const)("%s", ([kind, missing]) => {
  test("is read from memory by its id, and what is not there too", async ({ clients }) => {
    const client = clients["grpc-js"];
    const { create, get } = rpcs[kind](client);
    const id = await create(client);
    const first = await get(id);
    expect(first?.id).toBe(id);
    expect(await statementsOf(async () => expect(await get(id)).toEqual(first))).toEqual([]);
    const absent = uniqueId() + 9_000_000_000_000n;
    const refused = () => expectRefusal(get(absent), "NotFound", missing);
    await refused();
    expect(await statementsOf(refused)).toEqual([]);
    expect(await statementsOf(async () => expect(await get(id, true)).toEqual(first))).toHaveLength(1);
  });

  test("is never older than the last write of this process", async ({ clients }) => {
    const client = clients["grpc-js"];
    const { create, get, rename, delete: remove, purge } = rpcs[kind](client);
    const id = await create(client);
    for (let time = 1; time <= 5; time += 1) {
      await get(id);
      const renamed = await rename(id, `Name ${time}`);
      expect(await get(id)).toEqual(renamed);
      expect(renamed?.name).toBe(`Name ${time}`);
    }
    await remove(id);
    expect((await get(id))?.deleteTime).toBeDefined();
    await purge(id);
    await expectRefusal(get(id), "NotFound", missing);
  });

  test("has a version that whoever changes it raises, and a fresh read shows what plain SQL has changed", async ({ clients, db }) => {
    const client = clients["grpc-js"];
    const { create, get } = rpcs[kind](client);
    const id = await create(client);
    await get(id);
    await sql`update ${sql.table(kind)} set name = 'By hand' where id = ${id}`.execute(db.sql);
    expect((await get(id, true))?.name).toBe("By hand");
    await sql`delete from ${sql.table(kind)} where id = ${id}`.execute(db.sql);
    await expectRefusal(get(id, true), "NotFound", missing);
    await expectRefusal(get(id), "NotFound", missing);
  });

  test("is hidden from who may not read it, whoever has read it before", async ({ clients }) => {
    const client = clients["grpc-js"];
    const { create, get } = rpcs[kind](client);
    const id = await create(client);
    await get(id);
    const { id: stranger } = await createUser(client);
    await expectRefusal(get(id, false, actingAs(stranger)), "NotFound", missing);
  });
});
