import { sql } from "kysely";
import { describe, expect } from "vitest";
import type { Column, Kind } from "../../src/contract/kinds/kind.ts";
import { AuditOperation } from "../../src/gen/userd/v1/audit_entry_pb.ts";
import { ordersOf } from "../../src/kinds/order.ts";
import { createOrganization, unique } from "../support/build.ts";
import type { ClientKind } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import type { ServiceTest } from "../support/service.ts";
import { anotherValue, type Maker, makerOf, type Shown, thingsOf } from "./maker.ts";

const NOBODY = 9_000_000_000_000n;

const local = ({ field }: Column): string => field.localName;

/** What callers write, the parent and references not among it. */
const plainColumns = ({ columns }: Kind): Column[] => columns.filter(({ isOutputOnly, reference }) => !isOutputOnly && !reference);

const changeable = (kind: Kind): Column[] => plainColumns(kind).filter(({ isImmutable }) => !isImmutable);

const get = async (maker: Maker, id: bigint): Promise<Shown> =>
  (await maker.call("Get", { key: { case: "id", value: id } }))[maker.field] as Shown;

const update = async (maker: Maker, fields: object, paths?: string[]): Promise<Shown> =>
  (await maker.call("Update", { [maker.field]: fields, ...(paths && { updateMask: { paths } }) }))[maker.field] as Shown;

const list = async (maker: Maker, query: object = {}) => {
  const answer = await maker.call("List", { [local(maker.kind.parent)]: maker.parentId, ...query });
  return { rows: answer[maker.several] as readonly Shown[], nextPageToken: answer.nextPageToken };
};

const walk = async (maker: Maker, query: object): Promise<readonly Shown[]> => {
  const rows: Shown[] = [];
  let pageToken = "";
  do {
    const page = await list(maker, { ...query, pageSize: 2, pageToken });
    rows.push(...page.rows);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return rows;
};

const keyOf = (shown: Shown, columns: readonly Column[]) =>
  Object.fromEntries(columns.map((column) => [local(column), shown[local(column)]]));

/** A value of a field that sorts as its column does. */
const sortable = (value: unknown): bigint | string | number => {
  if (typeof value !== "object" || value === null) return value as bigint | string | number;
  const { seconds, nanos } = value as unknown as { seconds: bigint; nanos: number };
  return seconds * 1_000_000_000n + BigInt(nanos);
};

const compare = (a: Shown, b: Shown, names: readonly string[]): number => {
  for (const name of names) {
    const [left, right] = [sortable(a[name]), sortable(b[name])];
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
};

/** What a field can't be, and the reason that it is refused for. */
const badValues = ({ type, maxLength, isNotEmpty, isRequired }: Column): readonly unknown[] => [
  ...(type === "text" ? ["x".repeat(maxLength + 1), "a\0b", ...(isNotEmpty ? [""] : [])] : []),
  ...(type === "smallint" ? [99] : []),
  ...(type === "timestamptz" ? [{ seconds: 253_402_300_800n }] : []),
  ...(isRequired ? [undefined] : []),
];

/** What holds of every kind, from its descriptor. */
export const standardCases = (test: ServiceTest, clientKind: ClientKind, kind: Kind): void => {
  test("is created and found by its id, by each key, and among others", async ({ clients }) => {
    const maker = await makerOf(clients[clientKind], kind);
    const sent = maker.valid();
    const { [maker.field]: created, consistencyToken } = await maker.call("Create", { [maker.field]: sent });
    const shown = created as Shown;
    expect(shown).toMatchObject({ ...sent, organizationId: maker.organizationId, etag: "1" });
    expect(shown["createTime"]).toBeDefined();
    expect(shown["deleteTime"]).toBeUndefined();
    const consistency = { mode: { case: "atLeastAsFresh", value: consistencyToken } };
    expect((await maker.call("Get", { key: { case: "id", value: shown.id }, consistency }))[maker.field]).toEqual(shown);
    for (const { name, columns } of kind.keys) {
      const key = { case: name, value: keyOf(shown, columns) };
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
    for (const column of optional) expect([column.name, shown[local(column)]]).toEqual([column.name, column.defaultValue ?? undefined]);
  });

  test("has keys that no two share", async ({ clients }) => {
    const maker = await makerOf(clients[clientKind], kind);
    const first = await maker.create();
    for (const { name, columns } of kind.keys) {
      const { info } = await expectRefusal(maker.create(keyOf(first, columns)), "AlreadyExists", "RESOURCE_TAKEN");
      expect(info?.metadata).toEqual({ kind: kind.name, key: name });
      const elsewhere = await makerOf(clients[clientKind], kind);
      const rest = keyOf(first, columns.slice(1));
      expect(await elsewhere.create(rest)).toMatchObject(rest);
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
        expect([...new Set(refused.fields)]).toEqual([`${kind.name}.${column.name}`]);
        if (column.isImmutable) continue;
        await expectRefusal(update(maker, { id, [local(column)]: value }, [column.name]), "InvalidArgument", "FIELD_INVALID");
      }
    }
    await expectRefusal(maker.call("Create", {}), "InvalidArgument", "FIELD_INVALID");
    await expectRefusal(update(maker, { id }, ["nothing"]), "InvalidArgument", "FIELD_INVALID");
  });

  test("refers to what is there, not deleted, and of its organization: else one error, whichever it is", async ({ clients }) => {
    const client = clients[clientKind];
    const [maker, stranger] = [await makerOf(client, kind), await makerOf(client, kind)];
    const gone = await thingsOf(client, maker.organizationId);
    await client.organizations.deleteProject({ id: gone["project"] ?? 0n });
    await client.organizations.deleteTeam({ id: gone["team"] ?? 0n });
    await client.users.deleteUser({ id: gone["user"] ?? 0n });
    const { id } = await maker.create();
    const fields = [
      ...kind.columns.flatMap(({ name, field, reference, isOutputOnly, isImmutable }) =>
        reference && !isOutputOnly && !reference.isParent ? [{ name, field, to: reference.to, isImmutable, isList: false }] : [],
      ),
      ...kind.links.map(({ name, field, to }) => ({ name, field, to, isImmutable: false, isList: true })),
    ];
    for (const { name, field, to, isImmutable, isList } of fields) {
      const foreign = to.organization === undefined ? [] : [stranger.things[to.name]];
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
    const parent = local(kind.parent);
    await expectRefusal(maker.create({ [parent]: NOBODY }), "NotFound", "REFERENCE_NOT_FOUND");
    await expectRefusal(maker.create({ [parent]: 0n }), "InvalidArgument", "FIELD_INVALID");
    await expectRefusal(list(maker, { [parent]: NOBODY }), "NotFound", "REFERENCE_NOT_FOUND");
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
    await client.organizations.deleteProject({ id: project });
    await client.organizations.deleteTeam({ id: team });
    await client.users.deleteUser({ id: user });
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
      const rest = maker.valid();
      const changed = await update(maker, { ...rest, id: shown.id, [local(column)]: value }, [column.name]);
      expect(changed).toEqual({ ...shown, [local(column)]: changed[local(column)], etag: String(Number(shown.etag) + 1) });
      expect(changed).toMatchObject({ [local(column)]: value });
      expect(await update(maker, { id: shown.id, [local(column)]: value })).toEqual(changed);
      shown = changed;
    }
    for (const link of kind.links) {
      const name = link.field.localName;
      const more = (await thingsOf(clients[clientKind], maker.organizationId))[link.to.name];
      for (const ids of [[...(shown[name] as bigint[]), more], [more], []]) {
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
      await expectRefusal(update(maker, { id: shown.id, [local(column)]: value }), "FailedPrecondition", "IMMUTABLE_FIELD");
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
    const request = { [maker.field]: maker.valid(), requestId: crypto.randomUUID() };
    expect(await maker.call("Create", { ...request, requestId: "", validateOnly: true })).toMatchObject({ consistencyToken: "" });
    const first = await maker.call("Create", request);
    expect(await maker.call("Create", request)).toEqual(first);
    const another = { ...request, [maker.field]: maker.valid() };
    await expectRefusal(maker.call("Create", another), "InvalidArgument", "REQUEST_ID_REUSED");
    expect((await list(maker)).rows).toHaveLength(1);
    const { id } = first[maker.field] as Shown;
    const deletion = { id, requestId: crypto.randomUUID() };
    await maker.call("Delete", { ...deletion, requestId: "", validateOnly: true });
    const deleted = await maker.call("Delete", deletion);
    expect(await maker.call("Delete", deletion)).toEqual(deleted);
  });

  test(`is deleted ${kind.isSoft ? "softly, restored and purged" : "at once"}`, async ({ clients }) => {
    const maker = await makerOf(clients[clientKind], kind);
    const [shown, other] = [await maker.create(), await maker.create()];
    const { id } = shown;
    await maker.call("Delete", { id });
    expect((await list(maker)).rows).toEqual([other]);
    if (kind.isSoft) {
      const deleted = await get(maker, id);
      expect([deleted["deleteTime"], deleted["purgeTime"]]).toEqual([expect.anything(), expect.anything()]);
      expect((await list(maker, { showDeleted: true })).rows).toEqual([deleted, other]);
      const refused = await expectRefusal(update(maker, { id }), "FailedPrecondition", "RESOURCE_DELETED");
      expect(refused.info?.metadata).toEqual({ kind: kind.name });
      await expectRefusal(maker.call("Delete", { id }), "FailedPrecondition", "RESOURCE_DELETED");
      for (const { columns } of kind.keys) await expectRefusal(maker.create(keyOf(shown, columns)), "AlreadyExists", "RESOURCE_TAKEN");
      const restored = (await maker.call("Undelete", { id }))[maker.field];
      expect(restored).toEqual({ ...shown, etag: "3" });
      expect((await maker.call("Undelete", { id }))[maker.field]).toEqual(restored);
      await maker.call("Purge", { id, validateOnly: true });
      expect(await get(maker, id)).toEqual(restored);
      await maker.call("Purge", { id });
    }
    for (const verb of ["Delete", ...(kind.isSoft ? (["Undelete", "Purge"] as const) : [])] as const) {
      await expectRefusal(maker.call(verb, { id }), "NotFound", "RESOURCE_NOT_FOUND");
    }
    await expectRefusal(get(maker, id), "NotFound", "RESOURCE_NOT_FOUND");
    expect((await maker.create(keyOf(shown, kind.keys[0]?.columns ?? []))).id).toBeGreaterThan(other.id);
  });

  test("is listed page by page in each order that an index serves", async ({ clients }) => {
    const maker = await makerOf(clients[clientKind], kind);
    const made: Shown[] = [];
    for (let n = 0; n < 5; n++) made.push(await maker.create());
    for (const column of changeable(kind).filter(({ type }) => type === "smallint")) {
      const [first] = made.splice(0, 1);
      made.push(await update(maker, { id: first?.id, [local(column)]: anotherValue(column, first?.[local(column)]) }));
    }
    for (const order of [[], ...ordersOf(kind)]) {
      const names = [...order.map(local), "id"];
      const ascending = made.toSorted((a, b) => compare(a, b, names));
      const paths = order.length === 0 ? ["id"] : order.map(({ name }) => name);
      expect(await walk(maker, { orderBy: paths.join(", ") })).toEqual(ascending);
      expect(await walk(maker, { orderBy: paths.map((path) => `${path} desc`).join(",") })).toEqual(ascending.toReversed());
    }
    const { nextPageToken } = await list(maker, { pageSize: 1 });
    const ofAnother = list(maker, { pageSize: 1, pageToken: nextPageToken, orderBy: "id desc" });
    await expectRefusal(ofAnother, "InvalidArgument", "PAGE_TOKEN_MISMATCH");
    await expectRefusal(list(maker, { orderBy: "etag" }), "FailedPrecondition", "QUERY_NOT_INDEXED");
    for (const orderBy of ["nothing", "id down", "id;", ","]) {
      await expectRefusal(list(maker, { orderBy }), "InvalidArgument", "FIELD_INVALID");
    }
  });

  test("leaves a trail of its own, and moves no version of its organization", async ({ clients, db }) => {
    const client = clients[clientKind];
    const maker = await makerOf(client, kind);
    const versions = async () => {
      const { rows } = await sql<{ kind: string; version: bigint }>`
        select kind, version from aggregate_version where id = ${maker.organizationId} and kind in ('organization', 'kinds:organization')
        order by kind`.execute(db.sql);
      return rows.map(({ kind: name, version }) => ({ name, version }));
    };
    await maker.create();
    const [kindsBefore, organizationBefore] = await versions();
    const shown = await maker.create();
    const [column] = changeable(kind);
    if (column !== undefined) await update(maker, { id: shown.id, [local(column)]: anotherValue(column, shown[local(column)]) });
    await maker.call(kind.isSoft ? "Purge" : "Delete", { id: shown.id });
    const { auditEntries } = await client.changes.listAuditEntries({ filter: { kinds: [kind.table] }, pageSize: 1_000 });
    expect(
      auditEntries.filter(({ key }) => key === String(shown.id)).map(({ operation, changedFields }) => [operation, changedFields]),
    ).toEqual([
      [AuditOperation.DELETE, []],
      [AuditOperation.UPDATE, column === undefined ? [] : [column.name]],
      [AuditOperation.INSERT, []],
    ]);
    const [kindsAfter, organizationAfter] = await versions();
    expect([kindsAfter?.name, (kindsAfter?.version ?? 0n) - (kindsBefore?.version ?? 0n)]).toEqual(["kinds:organization", 3n]);
    expect(organizationAfter).toEqual(organizationBefore);
  });

  test("goes with its organization", async ({ clients, db }) => {
    const client = clients[clientKind];
    const { id: organizationId } = await createOrganization(client, { name: unique("Gone ") });
    const maker = await makerOf(client, kind, organizationId);
    const { id } = await maker.create();
    await client.organizations.purgeOrganization({ id: organizationId });
    await expectRefusal(get(maker, id), "NotFound", "RESOURCE_NOT_FOUND");
    for (const table of [kind.table, ...kind.links.map((link) => link.table)]) {
      const { rows } = await sql`select from ${sql.table(table)} where organization_id = ${organizationId}`.execute(db.sql);
      expect(rows).toEqual([]);
    }
  });

  if (kind.parent.reference?.to.name !== "organization") {
    test("is not changed while what it is part of is deleted", async ({ clients }) => {
      const maker = await makerOf(clients[clientKind], kind);
      const { id } = await maker.create();
      await maker.deleteParent();
      await expectRefusal(maker.create(), "NotFound", "REFERENCE_NOT_FOUND");
      const refused = await expectRefusal(update(maker, { id }), "FailedPrecondition", "RESOURCE_DELETED");
      expect(refused.info?.metadata).toEqual({ kind: kind.parent.reference?.to.name });
      await expectRefusal(maker.call("Delete", { id }), "FailedPrecondition", "RESOURCE_DELETED");
      expect((await get(maker, id)).id).toBe(id);
    });
  }
};

/** The cases of every kind; one after the other where the database has one connection. */
export const casesOfKinds = (test: ServiceTest, clientKind: ClientKind, kinds: readonly Kind[], concurrent = true): void => {
  for (const kind of kinds) describe(`${kind.label}, through ${clientKind}`, { concurrent }, () => standardCases(test, clientKind, kind));
};
