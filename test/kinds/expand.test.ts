import type { Client } from "@connectrpc/connect";
import { expect } from "vitest";
import type { MonitorService } from "../../src/gen/userd/kinds/v1/monitor_service_pb.ts";
import { ReleaseService } from "../../src/gen/userd/kinds/v1/release_service_pb.ts";
import { MemberRole } from "../../src/gen/userd/v1/member_pb.ts";
import { rowsById } from "../../src/kinds/rows-by-id.ts";
import type { KindDependencies } from "../../src/kinds/standard-method.ts";
import { standardOperations } from "../../src/kinds/standard-operations.ts";
import { kinds } from "../../src/schema/entities.ts";
import { statementsOf } from "../options/statements.ts";
import { actingAs, createOrganization, createUser } from "../support/build.ts";
import { test as base, testCall } from "../support/service.ts";
import { makerOf, type Shown } from "./maker.ts";

const kindOf = (name: string) => kinds.find((kind) => kind.name === name) as (typeof kinds)[number];

/** The generated clients of two families: what they are asked for and answer has types. */
const test = base.extend("client", { scope: "file" }, ({ clients }) => {
  const { families, ...client } = clients["grpc-js"];
  return {
    ...{ ...client, families },
    releases: families["ReleaseService"] as unknown as Client<typeof ReleaseService>,
    monitors: families["MonitorService"] as unknown as Client<typeof MonitorService>,
  };
});

test("a list with what its references name takes one statement more for each kind, and without them one in all", async ({ client }) => {
  const deploys = await makerOf(client, kindOf("deploy"));
  const made = [await deploys.create(), await deploys.create()];
  const releaseId = deploys.parentId;
  const list = (expand: string[] = []) => client.releases.listDeploys({ releaseId, expand });
  const { deploys: found, expanded } = await list(["environment_id", "organization_id", "release_id"]);
  expect(found.map(({ id }) => id)).toEqual(made.map(({ id }) => id));
  expect(expanded?.releases.map(({ id, organizationId }) => [id, organizationId])).toEqual([[releaseId, deploys.organizationId]]);
  expect(expanded?.organizations.map(({ id }) => id)).toEqual([deploys.organizationId]);
  expect(expanded?.environments.map(({ id }) => id)).toEqual(made.map((deploy) => (deploy as Shown)["environmentId"]));
  expect(await statementsOf(() => list())).toHaveLength(1);
  expect(await statementsOf(() => list(["environment_id"]))).toHaveLength(2);
  expect(await statementsOf(() => list(["environment_id", "organization_id", "release_id"]))).toHaveLength(4);
});

test("a reference to nothing brings nothing, and what is deleted comes with the time of that", async ({ client }) => {
  const { id: organizationId } = await createOrganization(client);
  const owner = await createUser(client);
  const { release } = await client.releases.createRelease({ release: { organizationId, version: "1" } });
  const key = { case: "id", value: release?.id ?? 0n } as const;
  const ownerOf = async () => (await client.releases.getRelease({ key, expand: ["owner_user_id"] })).expanded?.users;
  expect(await statementsOf(() => ownerOf())).toHaveLength(1);
  expect(await ownerOf()).toEqual([]);
  await client.releases.updateRelease({ release: { id: key.value, ownerUserId: owner.id } });
  expect(await ownerOf()).toMatchObject([{ id: owner.id, username: owner.username, emails: [], permissions: [] }]);
  await client.users.deleteUser({ id: owner.id });
  expect((await ownerOf())?.map(({ id, deleteTime }) => [id, deleteTime !== undefined])).toEqual([[owner.id, true]]);
  await client.users.purgeUser({ id: owner.id });
  expect(await ownerOf()).toEqual([]);
});

test("pages of one list bring what their own resources name", async ({ client }) => {
  const maker = await makerOf(client, kindOf("deploy"));
  const made = [await maker.create(), await maker.create(), await maker.create()];
  const seen: bigint[] = [];
  let pageToken = "";
  do {
    const page = await client.releases.listDeploys({ releaseId: maker.parentId, expand: ["environment_id"], pageSize: 2, pageToken });
    expect(page.expanded?.environments.map(({ id }) => id)).toEqual(page.deploys.map(({ environmentId }) => environmentId));
    seen.push(...page.deploys.map(({ id }) => id));
    ({ nextPageToken: pageToken } = page);
  } while (pageToken !== "");
  expect(seen).toEqual(made.map(({ id }) => id));
});

test("who may not read what a reference names can't expand it", async ({ client, db, service }) => {
  const { id: organizationId } = await createOrganization(client);
  const { release } = await client.releases.createRelease({ release: { organizationId, version: "1" } });
  const read = standardOperations(
    { db, freshness: { check: () => undefined }, resourcesOf: () => undefined } as unknown as KindDependencies,
    ReleaseService,
  );
  const call = testCall({ caller: { name: "reader", permissions: new Set(["releases.read"]) } });
  const ask = async (expand: string[]) =>
    read.getRelease(call, { key: { case: "id", value: release?.id ?? 0n }, expand } as unknown as Parameters<typeof read.getRelease>[1]);
  expect(service).toBeDefined();
  expect((await ask([])).release).toMatchObject({ version: "1" });
  for (const name of ["owner_user_id", "project_ids"]) {
    await expect(ask([name])).rejects.toMatchObject({ reason: "PERMISSION_REQUIRED", metadata: { permission: "users.read" } });
  }
});

test("what is referred to is read by the right of the acting user and of the user whose list it is", async ({ client, db }) => {
  const { id: organizationId } = await createOrganization(client, { openMembership: false });
  const monitors = await makerOf(client, kindOf("monitor"), organizationId);
  const { id } = await monitors.create();
  const [manager, member] = [await createUser(client), await createUser(client)];
  await client.organizations.addMember({ organizationId, userId: manager.id, role: MemberRole.MANAGER });
  await client.organizations.addMember({ organizationId, userId: member.id, role: MemberRole.MEMBER });
  const read = async (...seers: bigint[]) => (await rowsById(db.session(), monitors.kind, [id], seers)).map((row) => row.id);
  expect(await read()).toEqual([id]);
  expect(await read(manager.id)).toEqual([id]);
  expect(await read(member.id)).toEqual([]);
  expect(await read(manager.id, member.id)).toEqual([]);
  expect(await read(member.id, manager.id)).toEqual([]);
  expect(await read(manager.id, manager.id)).toEqual([id]);
  const deploys = await makerOf(client, kindOf("deploy"), organizationId);
  const { environmentId } = await deploys.create();
  const list = { releaseId: deploys.parentId, expand: ["environment_id"], asUserId: member.id };
  for (const options of [{}, actingAs(manager.id), actingAs(member.id)]) {
    expect((await client.releases.listDeploys(list, options)).expanded?.environments.map((one) => one.id)).toEqual([environmentId]);
  }
});
