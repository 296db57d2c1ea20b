import { timestampMs } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import { expect } from "vitest";
import type { Kind } from "../../src/contract/kinds/kind.ts";
import { camelCase } from "../../src/contract/kinds/methods.ts";
import { MemberRole } from "../../src/gen/userd/v1/member_pb.ts";
import { actingAs, createProfile, createUser } from "../support/build.ts";
import type { ClientKind } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import type { ServiceTest } from "../support/service.ts";
import { badValues, get, keyOf, list, local, NOBODY, plainColumns } from "./asking.ts";
import { isOwned, type Maker, makerOf, removeRoot } from "./maker.ts";

/** Appends records, as many as there are fields for. */
const append = async ({ call, several, valid }: Maker, fields: readonly object[], options?: object): Promise<readonly bigint[]> => {
  const records = [];
  for (const one of fields) records.push(await valid(one));
  return (await call("Append", { [several]: records }, options))["ids"] as readonly bigint[];
};

/** The cases of appending records of a large kind. */
export const appendingCases = (test: ServiceTest, clientKind: ClientKind, kind: Kind): void => {
  test("is appended in order, and found by its id, by each key, and among others", async ({ clients }) => {
    const maker = await makerOf(clients[clientKind], kind);
    const records = [await maker.valid(), await maker.valid(), await maker.valid()];
    const { ids, consistencyToken } = await maker.call("Append", { [maker.several]: records });
    const consistency = { mode: { case: "atLeastAsFresh", value: consistencyToken } };
    const found = (await maker.call("BatchGet", { ids, consistency }))[maker.several] as object[];
    expect(found).toMatchObject(
      records.map((record) => ({ ...record, ...(kind.belongsTo && { [camelCase(kind.belongsTo.column)]: maker.organizationId }) })),
    );
    expect((await list(maker)).rows).toEqual(found);
    for (const [index, id] of (ids as bigint[]).entries()) {
      expect(await get(maker, id)).toEqual(found[index]);
      for (const { name, columns } of kind.keys) {
        const key = { case: camelCase(name), value: keyOf(await get(maker, id), columns) };
        expect((await maker.call("Get", { key }))[maker.field]).toEqual(found[index]);
      }
    }
    await expectRefusal(get(maker, NOBODY), "NotFound", "RESOURCE_NOT_FOUND");
    await expectRefusal(list(maker, { [kind.listedBy.localName]: NOBODY }), "NotFound", "REFERENCE_NOT_FOUND");
  });

  test("has its defaults where a request has no values", async ({ clients }) => {
    const maker = await makerOf(clients[clientKind], kind);
    const optional = plainColumns(kind).filter(({ isRequired }) => !isRequired);
    const before = Date.now();
    const shown = await maker.create(Object.fromEntries(optional.map((column) => [local(column), undefined])));
    for (const column of optional) {
      const value = shown[local(column)];
      if (column.isNow) expect(Math.abs(timestampMs(value as Parameters<typeof timestampMs>[0]) - before)).toBeLessThan(60_000);
      else if (column.isUuid) expect(value).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      else expect([column.name, value]).toEqual([column.name, column.defaultValue ?? undefined]);
    }
  });

  test("refuses bad records by their places, and stores none of a request that has one", async ({ clients }) => {
    const maker = await makerOf(clients[clientKind], kind);
    const records = async (bad: object) => [await maker.valid(), await maker.valid(bad), await maker.valid(), await maker.valid(bad)];
    for (const column of plainColumns(kind)) {
      for (const value of badValues(column)) {
        if (clientKind.includes("JSON") && column.type === "timestamptz") continue;
        const call = maker.call("Append", { [maker.several]: await records({ [local(column)]: value }) });
        const { fields } = await expectRefusal(call, "InvalidArgument", "FIELD_INVALID");
        // Of times that can't be, the first is named.
        const places = column.type === "timestamptz" ? [1] : [1, 3];
        expect([...new Set(fields)]).toEqual(places.map((index) => `${kind.plural}[${index}].${column.name}`));
      }
    }
    const absent = maker.call("Append", { [maker.several]: await records({ [local(kind.parent)]: NOBODY }) });
    const { fields } = await expectRefusal(absent, "NotFound", "REFERENCE_NOT_FOUND");
    expect(fields).toEqual([1, 3].map((index) => `${kind.plural}[${index}].${kind.parent.name}`));
    await expectRefusal(maker.call("Append", {}), "InvalidArgument", "FIELD_INVALID");
    const tooMany = Array(1_001).fill(await maker.valid());
    await expectRefusal(maker.call("Append", { [maker.several]: tooMany }), "InvalidArgument", "FIELD_INVALID");
    expect((await list(maker)).rows).toEqual([]);
    if (isOwned(kind)) await removeRoot(clients[clientKind], kind, maker.parentId);
    else await maker.deleteParent();
    await expectRefusal(maker.create(), "NotFound", "REFERENCE_NOT_FOUND");
  });

  test("has keys that no two share, of which a request names all that are taken", async ({ clients }) => {
    const maker = await makerOf(clients[clientKind], kind);
    const first = await maker.create();
    for (const { name, columns } of kind.keys) {
      const [taken, free] = [keyOf(first, columns), keyOf((await maker.valid()) as typeof first, columns)];
      const { info, fields } = await expectRefusal(append(maker, [free, taken, {}, free]), "AlreadyExists", "RESOURCE_TAKEN");
      expect(fields).toEqual([`${kind.plural}[1]`, `${kind.plural}[3]`]);
      expect(info?.metadata).toMatchObject({ kind: kind.name, ...(kind.keys.length === 1 && { key: name }) });
    }
    expect((await list(maker)).rows).toEqual([first]);
  });

  test("answers a request_id again, and checks without a trace", async ({ clients }) => {
    const maker = await makerOf(clients[clientKind], kind);
    const request = { [maker.several]: [await maker.valid(), await maker.valid()], requestId: crypto.randomUUID() };
    expect(await maker.call("Append", { ...request, requestId: "", validateOnly: true })).toMatchObject({ consistencyToken: "" });
    expect((await list(maker)).rows).toEqual([]);
    const { ids } = await maker.call("Append", request);
    expect((await maker.call("Append", request))["ids"]).toEqual(ids);
    expect((await list(maker)).rows).toHaveLength(2);
    const another = maker.call("Append", { ...request, [maker.several]: [await maker.valid()] });
    await expectRefusal(another, "InvalidArgument", "REQUEST_ID_REUSED");
  });

  test("leaves no trail, and moves no version", async ({ clients, db }) => {
    const maker = await makerOf(clients[clientKind], kind);
    const [records] = [await maker.valid()];
    const state = async () =>
      (
        await sql`select kind, id, version from aggregate_version where kind in ('organization', 'kinds:organization') and id = ${maker.organizationId} order by kind`.execute(
          db.sql,
        )
      ).rows;
    const before = await state();
    await maker.call("Append", { [maker.several]: [records] });
    expect(await state()).toEqual(before);
    const { rows } = await sql`select from changes where kind = ${kind.table}`.execute(db.sql);
    expect(rows).toEqual([]);
  });

  test("is appended for those who own its parent, and seen by those who read it", async ({ clients }) => {
    const client = clients[clientKind];
    const maker = await makerOf(client, kind);
    const [owner, reader, stranger] = [await createUser(client), await createUser(client), await createUser(client)];
    const { organizationId } = maker;
    if (isOwned(kind)) {
      const { profile } = await client.profiles.getProfile({ key: { case: "id", value: organizationId } });
      await createProfile(client, stranger.id, profile?.accountId ?? 0n);
      await client.users.updateUser({ user: { id: owner.id, isStaff: true } });
      await createProfile(client, owner.id, profile?.accountId ?? 0n);
    } else {
      await client.organizations.addMember({ organizationId, userId: owner.id, role: MemberRole.MANAGER });
      await client.organizations.addMember({ organizationId, userId: reader.id, role: MemberRole.MEMBER });
      await client.organizations.updateOrganization({ organization: { id: organizationId, openMembership: true } });
    }
    const [id = 0n] = await append(maker, [{}], actingAs(owner.id));
    const request = { key: { case: "id", value: id } };
    // Who may read what a profile owns, and no more, there is none: the profile is no administrator's.
    if (!isOwned(kind)) {
      expect(await maker.call("Get", request, actingAs(reader.id))).toEqual(await maker.call("Get", request));
      await expectRefusal(append(maker, [{}], actingAs(reader.id)), "PermissionDenied", "PERMISSION_REQUIRED");
    }
    const refused = await expectRefusal(append(maker, [{}, {}], actingAs(stranger.id)), "NotFound", "REFERENCE_NOT_FOUND");
    expect(refused.fields).toEqual([0, 1].map((index) => `${kind.plural}[${index}].${kind.parent.name}`));
    await expectRefusal(maker.call("Get", request, actingAs(stranger.id)), "NotFound", "RESOURCE_NOT_FOUND");
    expect((await list(maker)).rows).toHaveLength(1);
  });
};
