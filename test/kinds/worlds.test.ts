import fc from "fast-check";
import { expect } from "vitest";
import { AccessRelation } from "../../src/gen/userd/v1/access_relation_pb.ts";
import { kinds } from "../../src/schema/entities.ts";
import { actingAs, unique } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { test } from "../support/service.ts";
import { callerOf, type Shown } from "./maker.ts";
import {
  type Ids,
  type ModelUser,
  organizations,
  type Place,
  projects,
  roleOf,
  sharing,
  store,
  table,
  type World,
  world,
} from "./model-world.ts";

/** How many worlds are asked. 1,000 take minutes: `KIND_WORLDS=1000 npx vitest run test/kinds/worlds.test.ts`. */
const COUNT = Number(process.env["KIND_WORLDS"] ?? 40);
/** How many at once. */
const WORLDS = 20;

/** A kind of each scope: where its resources are, with their ids and those of what they are listed by, and how one is made and changed. */
type Asked = {
  readonly name: string;
  readonly places: readonly Place[];
  readonly idOf: (ids: Ids, place: Place, at: number) => bigint;
  readonly listedBy: (ids: Ids, place: Place) => object;
  readonly made: (ids: Ids, place: Place) => object;
  readonly changed: object;
};

const organizationOf = (ids: Ids, place: Place): bigint =>
  ids.organization(place.of === "organizations" ? (place.organizations[0] ?? 0) : place.organization);
const projectOf = (ids: Ids, place: Place): bigint => (place.of === "project" ? ids.project(place.organization, place.project) : 0n);

const asked: readonly Asked[] = [
  {
    name: "release",
    places: organizations,
    idOf: organizationOf,
    listedBy: (ids, place) => ({ organizationId: organizationOf(ids, place) }),
    made: (ids, place) => ({ organizationId: organizationOf(ids, place), version: unique() }),
    changed: { ref: "x" },
  },
  {
    name: "release_file",
    places: organizations,
    idOf: organizationOf,
    listedBy: (ids, place) => ({ releaseId: organizationOf(ids, place) }),
    made: (ids, place) => ({ releaseId: organizationOf(ids, place), ident: unique(), name: "x" }),
    changed: { name: "x" },
  },
  {
    name: "monitor",
    places: projects,
    idOf: projectOf,
    listedBy: (ids, place) => ({ projectId: projectOf(ids, place) }),
    made: (ids, place) => ({ projectId: projectOf(ids, place), slug: unique() }),
    changed: { name: "x" },
  },
  {
    name: "integration",
    places: sharing,
    idOf: (ids, _, at) => ids.shared(at),
    listedBy: (ids, place) => ({ organizationId: organizationOf(ids, place) }),
    made: (ids, place) => ({
      organizationIds: place.of === "organizations" ? place.organizations.map(ids.organization) : [],
      provider: "p",
      externalId: unique(),
    }),
    changed: { name: "x" },
  },
];

const kindOf = (name: string) => kinds.find((kind) => kind.name === name) as (typeof kinds)[number];

/** What a call came to: "done", or the number of the error. */
const outcomeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => "done",
    (error: { readonly code: number }) => error.code,
  );

/** The error of a write: PERMISSION_DENIED for what may only be read, NOT_FOUND for what may not. */
const outcomes = { owns: "done", reads: 7, "": 5 } as const;

/** What a list under an id has for whom it is not told of if it is empty and can't be read. */
const toldOf = (found: readonly bigint[], isRead: boolean) => (found.length > 0 || isRead ? found : 5);

/** Of several places at once: a new resource has to be owned in each of them, and is not told of if one of them can't be read. */
const creationIn = (one: World, place: Place): "owns" | "reads" | "" => {
  if (place.of !== "organizations") return table[place.of][roleOf(one, place)] ?? "";
  const each = place.organizations.map((organization) => table.organization[roleOf(one, { of: "organization", organization })] ?? "");
  return each.includes("") ? "" : each.includes("reads") ? "reads" : "owns";
};

test(`${COUNT} random worlds get, in each scope, for each role, by each operation, what the table of the documents says`, {
  timeout: 200_000 + 1_000 * COUNT,
}, async ({ clients, db }) => {
  const cells = new Set<string>();
  let next = 1_000_000n;
  const askAll = async (one: World, ids: Ids, { name, places, idOf, listedBy, made, changed }: Asked): Promise<void> => {
    const { call, field, several } = callerOf(clients["grpc-js"], kindOf(name));
    const userId = ids.user(one.asking);
    const acting = actingAs(userId);
    const idsOf = async (answer: Promise<object>) => ((await answer) as Record<string, readonly Shown[]>)[several]?.map(({ id }) => id);
    const all = places.map((place, at) => ({ place, id: idOf(ids, place, at), may: table[place.of][roleOf(one, place)] }));
    for (const { place } of all) cells.add(`${name}: ${roleOf(one, place)}`);
    const { isActive, isSuspended, isDeleted } = one.users[one.asking] as ModelUser;
    if (!isActive || isSuspended || isDeleted) {
      for (const { id } of all) {
        await expectRefusal(call("Get", { key: { case: "id", value: id } }, acting), "PermissionDenied", "ACTING_USER_NOT_PRESENT");
        await expectRefusal(call("Delete", { id, validateOnly: true }, acting), "PermissionDenied", "ACTING_USER_NOT_PRESENT");
      }
      expect(await idsOf(call("List", { ...listedBy(ids, places[0] as Place), asUserId: userId }))).toEqual([]);
      return;
    }
    const readable = all.filter(({ may }) => may !== "").map(({ id }) => id);
    expect(await idsOf(call("BatchGet", { ids: all.map(({ id }) => id) }, acting))).toEqual(readable);
    for (const { place, id, may = "" } of all) {
      const listed = { ...listedBy(ids, place), filter: `id == ${id}` };
      const [ifRead, ifOwned] = [may === "" ? [] : [id], may === "owns" ? [id] : []];
      const list = (query: object, options?: object) => idsOf(call("List", { ...listed, ...query }, options));
      const listActing = (query: object) => list(query, acting).catch(({ code }: { readonly code: number }) => code);
      expect(await list({ asUserId: userId })).toEqual(ifRead);
      expect(await list({ asUserId: userId, relation: AccessRelation.OWN })).toEqual(ifOwned);
      // What is shared is listed under the first organization, which may not be the one by which it is read.
      const under: Place = place.of === "organizations" ? { of: "organization", organization: place.organizations[0] ?? 0 } : place;
      const isRead = (table[under.of][roleOf(one, under)] ?? "") !== "";
      expect(await listActing({})).toEqual(toldOf(ifRead, isRead));
      expect(await listActing({ asUserId: userId, relation: AccessRelation.OWN })).toEqual(toldOf(ifOwned, isRead));
      expect(await list({ filter: `id == ${id} && readable(${userId})` })).toEqual(ifRead);
      expect(await list({ filter: `id == ${id} && owned(${userId})` })).toEqual(ifOwned);
      expect(await list({ filter: `id == ${id} && readable(${userId}) && !owned(${userId})` })).toEqual(may === "reads" ? [id] : []);
      expect(await outcomeOf(call("Get", { key: { case: "id", value: id } }, acting))).toBe(may === "" ? 5 : "done");
      expect(await outcomeOf(call("Update", { [field]: { id, ...changed } }, acting))).toBe(outcomes[may]);
      for (const verb of ["Delete", ...(kindOf(name).isSoft ? (["Purge"] as const) : [])] as const)
        expect(await outcomeOf(call(verb, { id, validateOnly: true }, acting))).toBe(outcomes[may]);
      const created = await outcomeOf(call("Create", { [field]: made(ids, place), validateOnly: true }, acting));
      expect(created).toBe(outcomes[creationIn(one, place)]);
    }
  };
  await fc.assert(
    fc.asyncProperty(fc.array(world, { minLength: WORLDS, maxLength: WORLDS }), async (worlds) => {
      const stored = await store(db.sql, worlds, next);
      next += 1_000_000n;
      await Promise.all(
        worlds.map(async (one, at) => {
          for (const kind of asked) await askAll(one, stored[at] as Ids, kind);
        }),
      );
    }),
    { numRuns: COUNT / WORLDS, seed: 20_261_129, endOnFailure: true },
  );
  const expected = asked.flatMap(({ name, places: [place] }) =>
    Object.keys(table[place?.of ?? "project"]).map((role) => `${name}: ${role}`),
  );
  expect([...cells].toSorted()).toEqual(expected.toSorted());
});
