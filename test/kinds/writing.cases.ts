import { expect } from "vitest";
import type { Column, Kind } from "../../src/contract/kinds/kind.ts";
import { camelCase } from "../../src/contract/kinds/methods.ts";
import { createOrganization } from "../support/build.ts";
import type { ClientKind } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import type { ServiceTest } from "../support/service.ts";
import { badValues, changeable, get, keyOf, list, local, NOBODY, plainColumns, update } from "./asking.ts";
import { anotherValue, isOwned, linkedKinds, makerOf, moreThings, referredKinds, type Shown, thingsOf, withoutSecrets } from "./maker.ts";

/** The cases of creating and updating the resources of a kind: values, keys, references, masks, etags, replays. */
export const writingCases = (test: ServiceTest, clientKind: ClientKind, kind: Kind): void => {
  test("is created and found by its id, by each key, and among others", async ({ clients }) => {
    const maker = await makerOf(clients[clientKind], kind);
    const sent = await maker.valid();
    const { [maker.field]: created, consistencyToken } = await maker.call("Create", { [maker.field]: sent });
    const shown = withoutSecrets(kind, created as Shown);
    expect(shown).toMatchObject({
      ...withoutSecrets(kind, sent),
      ...(kind.belongsTo && { [camelCase(kind.belongsTo.column)]: maker.organizationId }),
      etag: "1",
    });
    expect(shown["createTime"]).toBeDefined();
    expect(shown["deleteTime"]).toBeUndefined();
    const consistency = { mode: { case: "atLeastAsFresh", value: consistencyToken } };
    expect((await maker.call("Get", { key: { case: "id", value: shown.id }, consistency }))[maker.field]).toEqual(shown);
    for (const { name, columns } of kind.keys) {
      const key = { case: camelCase(name), value: keyOf(shown, columns) };
      expect((await maker.call("Get", { key }))[maker.field]).toEqual(shown);
    }
    const second = await maker.create();
    const ids = [second.id, NOBODY, shown.id];
    expect((await maker.call("BatchGet", { ids }))[maker.several]).toEqual([second, shown]);
    await expectRefusal(get(maker, NOBODY), "NotFound", "RESOURCE_NOT_FOUND");
  });

  test("has its defaults where a request has no values", async ({ clients }) => {
    const maker = await makerOf(clients[clientKind], kind);
    const optional = plainColumns(kind).filter(({ isRequired }) => !isRequired);
    const shown = await maker.create(Object.fromEntries(optional.map((column) => [local(column), undefined])));
    for (const column of optional) {
      const value = column.isUuid
        ? expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
        : column.field.fieldKind === "list"
          ? []
          : column.isNow
            ? expect.objectContaining({ $typeName: "google.protobuf.Timestamp" })
            : (column.defaultValue ?? undefined);
      expect([column.name, shown[local(column)]]).toEqual([column.name, value]);
    }
  });

  test("has keys that no two share: of one parent, or everywhere", async ({ clients }) => {
    const maker = await makerOf(clients[clientKind], kind);
    const first = await maker.create();
    for (const { name, columns } of kind.keys) {
      const { info, error } = await expectRefusal(maker.create(keyOf(first, columns)), "AlreadyExists", "RESOURCE_TAKEN");
      expect(error.rawMessage).toMatch(/^There is (an [aeiou]|a [^aeiou])/);
      expect(info?.metadata).toEqual({ kind: kind.name, key: name });
      const elsewhere = await makerOf(clients[clientKind], kind);
      const rest = keyOf(
        first,
        columns.filter(({ reference }) => reference === undefined),
      );
      if (columns.includes(kind.parent)) expect(await elsewhere.create(rest)).toMatchObject(rest);
      else await expectRefusal(elsewhere.create(rest), "AlreadyExists", "RESOURCE_TAKEN");
    }
  });

  test("refuses bad fields one by one, and names each", async ({ clients }) => {
    const maker = await makerOf(clients[clientKind], kind);
    const { id } = await maker.create();
    for (const column of plainColumns(kind)) {
      for (const value of badValues(column)) {
        const isOfJson = clientKind.includes("JSON") && column.type === "timestamptz";
        if (isOfJson) continue;
        const refused = await expectRefusal(maker.create({ [local(column)]: value }), "InvalidArgument", "FIELD_INVALID");
        expect([...new Set(refused.fields.map((name) => name.replace(/\[\d+\]$/, "")))]).toEqual([`${kind.name}.${column.name}`]);
        if (column.isImmutable) continue;
        await expectRefusal(update(maker, { id, [local(column)]: value }, [column.name]), "InvalidArgument", "FIELD_INVALID");
      }
    }
    await expectRefusal(maker.call("Create", {}), "InvalidArgument", "FIELD_INVALID");
    await expectRefusal(update(maker, { id }, ["nothing"]), "InvalidArgument", "FIELD_INVALID");
  });

  test("refers to what is there, not deleted, and of its organization or owner: else one error, whichever it is", async ({ clients }) => {
    const client = clients[clientKind];
    const [maker, stranger] = [await makerOf(client, kind), await makerOf(client, kind)];
    const gone: Record<string, bigint> = { ...(await thingsOf(client, maker.organizationId, kind)) };
    if (!isOwned(kind)) {
      gone["organization"] = (await createOrganization(client)).id;
      await client.organizations.deleteOrganization({ id: gone["organization"] });
    }
    for (const other of [...referredKinds(client, kind), ...linkedKinds(client, kind)])
      await (await makerOf(client, other)).call("Delete", { id: gone[other.name] });
    if (!isOwned(kind)) {
      await client.organizations.deleteProject({ id: gone["project"] ?? 0n });
      await client.organizations.deleteTeam({ id: gone["team"] ?? 0n });
      await client.users.deleteUser({ id: gone["user"] ?? 0n });
    }
    const { id } = await maker.create();
    const fields = [
      ...kind.columns.flatMap(({ name, field, reference, isOutputOnly, isImmutable }) =>
        reference && !isOutputOnly && !reference.isParent ? [{ name, field, to: reference.to, isImmutable, isList: false }] : [],
      ),
      ...kind.links.map(({ name, field, to }) => ({ name, field, to, isImmutable: false, isList: true })),
    ];
    for (const { name, field, to, isImmutable, isList } of fields) {
      const isForeign = (to.belongsTo ?? to.sharedBy) !== undefined && kind.sharedBy === undefined;
      const foreign = isForeign ? [stranger.things[to.name]] : [];
      const messages = new Set<string>();
      for (const bad of [NOBODY, gone[to.name], ...foreign]) {
        const value = { [field.localName]: isList ? [maker.things[to.name], bad] : bad };
        const created = await expectRefusal(maker.create(value), "NotFound", "REFERENCE_NOT_FOUND");
        expect(created.fields).toEqual([`${kind.name}.${name}`]);
        messages.add(created.error.message);
        if (!isImmutable)
          messages.add((await expectRefusal(update(maker, { id, ...value }), "NotFound", "REFERENCE_NOT_FOUND")).error.message);
      }
      expect(messages.size).toBe(1);
    }
    for (const column of kind.ancestors.length === 0 ? [] : [kind.parent]) {
      await expectRefusal(maker.create({ [local(column)]: NOBODY }), "NotFound", "REFERENCE_NOT_FOUND");
      await expectRefusal(maker.create({ [local(column)]: 0n }), "InvalidArgument", "FIELD_INVALID");
    }
    for (const { name, field } of kind.links.filter(({ isRequired }) => isRequired)) {
      await expectRefusal(maker.create({ [field.localName]: [] }), "InvalidArgument", "FIELD_INVALID");
      await expectRefusal(update(maker, { id }, [name]), "InvalidArgument", "FIELD_INVALID");
    }
    const listed = await expectRefusal(list(maker, { [kind.listedBy.localName]: NOBODY }), "NotFound", "REFERENCE_NOT_FOUND");
    expect(listed.fields).toEqual([kind.listedBy.name]);
    if (isOwned(kind)) return;
    await client.organizations.deleteOrganization({ id: maker.organizationId });
    await expectRefusal(maker.create(), "NotFound", "REFERENCE_NOT_FOUND");
    const refused = await expectRefusal(update(maker, { id }), "FailedPrecondition", "RESOURCE_DELETED");
    expect(refused.info?.metadata).toEqual({ kind: "organization" });
  });

  test("keeps what it refers to when that is deleted: a client may send back all that it has read", async ({ clients }) => {
    const client = clients[clientKind];
    const maker = await makerOf(client, kind);
    const shown = await maker.create();
    const { project = 0n, team = 0n, user = 0n } = maker.things;
    if (!isOwned(kind)) {
      if (project !== maker.parentId) await client.organizations.deleteProject({ id: project });
      await client.organizations.deleteTeam({ id: team });
      await client.users.deleteUser({ id: user });
    }
    // What is removed at once is no longer referred to.
    for (const other of referredKinds(client, kind).filter(({ isSoft }) => isSoft)) {
      const column = kind.columns.find(({ reference }) => reference?.to.name === other.name) as Column;
      await (await makerOf(client, other)).call("Delete", { id: shown[local(column)] });
    }
    const column = changeable(kind)[0] as Column;
    const value = anotherValue(column, shown[local(column)]);
    const changed = await update(maker, { ...shown, [local(column)]: value });
    expect(changed).toEqual({ ...shown, [local(column)]: changed[local(column)], etag: String(Number(shown.etag) + 1) });
  });

  test("changes by the mask and no further; equal values change nothing", async ({ clients }) => {
    const maker = await makerOf(clients[clientKind], kind);
    let shown = await maker.create();
    for (const column of changeable(kind)) {
      const value = anotherValue(column, shown[local(column)]);
      const rest = await maker.valid();
      const changed = await update(maker, { ...rest, id: shown.id, [local(column)]: value }, [column.name]);
      expect(changed).toEqual({ ...shown, [local(column)]: changed[local(column)], etag: String(Number(shown.etag) + 1) });
      expect(changed).toMatchObject({ [local(column)]: value });
      expect(await update(maker, { id: shown.id, [local(column)]: value })).toEqual(changed);
      shown = changed;
    }
    for (const link of kind.links) {
      const name = link.field.localName;
      const more = (await moreThings(clients[clientKind], maker))[link.to.name];
      for (const ids of [[...(shown[name] as bigint[]), more], [more], ...(link.isRequired ? [] : [[]])]) {
        const changed = await update(maker, { id: shown.id, [name]: ids }, [link.name]);
        expect(changed).toEqual({ ...shown, [name]: ids, etag: String(Number(shown.etag) + 1) });
        expect(await update(maker, { id: shown.id, [name]: ids }, [link.name])).toEqual(changed);
        shown = changed;
      }
    }
    const optional = kind.columns.filter(({ isNullable, isOutputOnly }) => isNullable && !isOutputOnly);
    const paths = optional.map(({ name }) => name);
    const cleared = await update(maker, { id: shown.id }, paths);
    for (const column of optional) expect([column.name, cleared[local(column)]]).toEqual([column.name, undefined]);
    expect(await update(maker, { ...shown, etag: "" }, ["*"])).toMatchObject({ ...shown, etag: expect.anything() as string });
  });

  test("keeps what never changes, and says so", async ({ clients }) => {
    const maker = await makerOf(clients[clientKind], kind);
    const shown = await maker.create();
    for (const column of kind.columns.filter(({ isImmutable }) => isImmutable)) {
      const value = column.reference ? NOBODY : anotherValue(column);
      const changed = update(maker, { id: shown.id, [local(column)]: value });
      const { error } = await expectRefusal(changed, "FailedPrecondition", "IMMUTABLE_FIELD");
      expect(error.rawMessage).toMatch(/ of (an [aeiou]|a [^aeiou])/);
      expect(await update(maker, { id: shown.id, [local(column)]: shown[local(column)] }, [column.name])).toEqual(shown);
    }
  });

  test("is not changed on the base of a stale etag", async ({ clients }) => {
    const maker = await makerOf(clients[clientKind], kind);
    const shown = await maker.create();
    const { id, etag } = shown;
    const [column] = changeable(kind);
    if (column === undefined) return;
    const changed = await update(maker, { id, etag, [local(column)]: anotherValue(column, shown[local(column)]) });
    const again = update(maker, { id, etag, [local(column)]: shown[local(column)] });
    expect((await expectRefusal(again, "Aborted", "ETAG_MISMATCH")).info?.metadata).toEqual({ etag: changed.etag });
    await expectRefusal(maker.call("Delete", { id, etag }), "Aborted", "ETAG_MISMATCH");
    await maker.call("Delete", { id, etag: changed.etag });
  });

  test("answers a request_id again, and checks without a trace", async ({ clients }) => {
    const maker = await makerOf(clients[clientKind], kind);
    const request = { [maker.field]: await maker.valid(), requestId: crypto.randomUUID() };
    expect(await maker.call("Create", { ...request, requestId: "", validateOnly: true })).toMatchObject({ consistencyToken: "" });
    const first = await maker.call("Create", request);
    expect(await maker.call("Create", request)).toEqual(first);
    const another = { ...request, [maker.field]: await maker.valid() };
    await expectRefusal(maker.call("Create", another), "InvalidArgument", "REQUEST_ID_REUSED");
    expect((await list(maker)).rows).toHaveLength(1);
    const { id } = first[maker.field] as Shown;
    const deletion = { id, requestId: crypto.randomUUID() };
    await maker.call("Delete", { ...deletion, requestId: "", validateOnly: true });
    const deleted = await maker.call("Delete", deletion);
    expect(await maker.call("Delete", deletion)).toEqual(deleted);
  });
};
