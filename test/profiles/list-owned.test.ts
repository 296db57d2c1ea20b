import { create } from "@bufbuild/protobuf";
import { expect } from "vitest";
import { AccessRelation } from "../../src/gen/userd/v1/access_relation_pb.ts";
import { ListOwnedRequestSchema, type OwnedResource } from "../../src/gen/userd/v1/owned_resource_pb.ts";
import { listOwned } from "../../src/profiles/list-owned.ts";
import { kinds } from "../../src/schema/entities.ts";
import { callerOf, isOwned, makerOf } from "../kinds/maker.ts";
import { actingAs, createAccount, createProfile, createUser } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import { test, testCall } from "../support/service.ts";

const NOBODY = 9_000_000_000_000n;
const owned = kinds.filter(isOwned);

const createOwner = async (client: Clients) => {
  const [user, account] = [await createUser(client), await createAccount(client)];
  return createProfile(client, user.id, account.id);
};

/** What a profile owns as the list has it: two of each kind, and registered ones, of which some have the name of a kind. */
const furnish = async (client: Clients, ownerProfileId: bigint): Promise<string[]> => {
  const made: { kind: string; registered: boolean; id: bigint; name: string }[] = [];
  const refs = ["cell", "plugin", "zebra", "Zebra"].flatMap((kind) => ["a", "b"].map((name) => ({ kind, ownerProfileId, name })));
  for (const kind of owned) {
    const maker = await makerOf(client, kind, ownerProfileId);
    for (let n = 0; n < 2; n++) await maker.create();
  }
  // Of each kind as many as its own list has: some were made for others to refer to.
  for (const kind of owned) {
    const { call, several } = callerOf(client, kind);
    const rows = (await call("List", { ownerProfileId, pageSize: 1_000 }))[several] as { id: bigint; name?: string }[];
    made.push(...rows.map(({ id, name = "" }) => ({ kind: kind.name, registered: false, id, name })));
  }
  const { results } = await client.profiles.registerResources({ resources: refs });
  for (const { result } of results)
    if (result.case === "resource") made.push({ kind: result.value.kind, registered: true, id: result.value.id, name: result.value.name });
  const order = (a: (typeof made)[number], b: (typeof made)[number]) =>
    a.kind === b.kind ? Number(a.registered) - Number(b.registered) || Number(a.id - b.id) : a.kind < b.kind ? -1 : 1;
  return made.toSorted(order).map(({ kind, registered, id, name }) => `${kind} ${registered} ${id} ${name}`);
};

const shownOf = ({ kind, registered, id, name }: OwnedResource): string => `${kind} ${registered} ${id} ${name}`;

const walk = async ({ profiles }: Clients, request: object, pageSize: number): Promise<string[]> => {
  const rows: string[] = [];
  let pageToken = "";
  do {
    const page = await profiles.listOwned({ ...request, pageSize, pageToken });
    rows.push(...page.resources.map(shownOf));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return rows;
};

test("P15 what a profile owns is listed over all kinds, page by page, each once, with what other services have registered", async ({
  clients,
}) => {
  const client = clients["grpc-js"];
  const { id: ownerProfileId } = await createOwner(client);
  await furnish(client, (await createOwner(client)).id);
  expect(await walk(client, { ownerProfileId }, 3)).toEqual([]);
  await furnish(client, ownerProfileId);
  const all = await walk(client, { ownerProfileId }, 1_000);
  expect(new Set(all.map((row) => row.split(" ")[0]))).toEqual(new Set([...owned.map(({ name }) => name), "cell", "zebra", "Zebra"]));
  for (const pageSize of [1, 2, 5]) expect(await walk(client, { ownerProfileId }, pageSize)).toEqual(all);
  for (const some of [["plugin"], ["zebra", "connection"], ["nothing"], ["Zebra", "prompt", "cell"]]) {
    const expected = all.filter((row) => some.includes(row.split(" ")[0] ?? ""));
    expect(await walk(client, { ownerProfileId, kinds: some }, 2)).toEqual(expected);
  }
  const { nextPageToken: pageToken } = await client.profiles.listOwned({ ownerProfileId, pageSize: 1 });
  const ofAnother = client.profiles.listOwned({ ownerProfileId, kinds: ["plugin"], pageToken });
  await expectRefusal(ofAnother, "InvalidArgument", "PAGE_TOKEN_MISMATCH");
});

test("the list is what each kind's own list has, and the registered ones, by kind and id", async ({ clients }) => {
  const client = clients["grpc-js"];
  const { id: ownerProfileId } = await createOwner(client);
  const expected = await furnish(client, ownerProfileId);
  expect(await walk(client, { ownerProfileId }, 4)).toEqual(expected);
});

test("what a profile owns is listed as far as a user may read or own it, and is not there for an acting user that may not", async ({
  clients,
}) => {
  const client = clients["grpc-js"];
  const { id: ownerProfileId, accountId, userId } = await createOwner(client);
  const plugins = await makerOf(
    client,
    owned.find(({ name }) => name === "plugin") ?? (owned[0] as (typeof owned)[number]),
    ownerProfileId,
  );
  await plugins.create();
  const [peer, staff] = [await createUser(client), await createUser(client, { isStaff: true })];
  for (const { id } of [peer, staff]) await createProfile(client, id, accountId);
  const list = async (query: object, acting?: bigint) =>
    (await client.profiles.listOwned({ ownerProfileId, kinds: ["plugin"], ...query }, acting === undefined ? {} : actingAs(acting)))
      .resources.length;
  for (const relation of [AccessRelation.READ, AccessRelation.OWN, AccessRelation.UNSPECIFIED]) {
    for (const [asUserId, count] of [
      [userId, 1],
      [staff.id, 1],
      [peer.id, 0],
      [0n, 0],
      [NOBODY, 0],
    ] as const)
      expect([asUserId, relation, await list({ asUserId, relation })]).toEqual([asUserId, relation, count]);
  }
  expect([await list({}, userId), await list({ asUserId: peer.id }, staff.id)]).toEqual([1, 0]);
  const refused = [list({}, peer.id), list({ ownerProfileId: NOBODY }), list({ ownerProfileId: NOBODY }, staff.id)];
  await Promise.all(refused.map((call) => expectRefusal(call, "NotFound", "PROFILE_NOT_FOUND")));
});

test("a caller that may not read a kind can't list it among what a profile owns", async ({ db }) => {
  const list = listOwned({ db, pager: () => ({ size: 50 }) } as unknown as Parameters<typeof listOwned>[0]);
  const call = testCall({ caller: { name: "reader", permissions: new Set(["access.read"]) } });
  for (const [some, permission] of [
    [[], "secrets.read"],
    [["plugin"], "assistants.read"],
  ] as const) {
    const asked = async () => list(call, create(ListOwnedRequestSchema, { ownerProfileId: 1n, kinds: [...some] }));
    await expect(asked()).rejects.toMatchObject({ reason: "PERMISSION_REQUIRED", metadata: { permission } });
  }
});
