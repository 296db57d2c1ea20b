import { sql } from "kysely";
import { expect } from "vitest";
import { type Kind, ORGANIZATION_ID, unqualified } from "../../src/contract/kinds/kind.ts";
import { AuditOperation } from "../../src/gen/userd/v1/audit_entry_pb.ts";
import { ordersOf } from "../../src/kinds/order.ts";
import type { ClientKind } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import type { ServiceTest } from "../support/service.ts";
import { changeable, compare, get, keyOf, list, local, update, walk } from "./asking.ts";
import { anotherValue, createRoot, isOwned, makerOf, referredKinds, removeRoot, type Shown } from "./maker.ts";

/** The cases of deleting, listing and auditing the resources of a kind. */
export const lifecycleCases = (test: ServiceTest, clientKind: ClientKind, kind: Kind): void => {
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

  test("leaves a trail of its own, and moves no version of its organization or user", async ({ clients, db }) => {
    const client = clients[clientKind];
    const maker = await makerOf(client, kind);
    const moving = `kinds:${kind.belongsTo?.to ?? "organization"}`;
    // A profile can have the id of an organization.
    const root = isOwned(kind) ? moving : "organization";
    const versions = async () => {
      const { rows } = await sql<{ kind: string; id: bigint; version: bigint }>`
        select kind, id, version from aggregate_version where id = ${maker.organizationId} and kind in (${root}, ${moving})
        or (kind, id) in (select w.kind, case w.kind when 'user' then p.user_id else p.account_id end
          from user_profile p cross join unnest(array['user', 'account']) as w (kind) where p.id = ${maker.organizationId} and ${isOwned(kind)})
        order by kind = ${moving} desc, kind, id`.execute(db.sql);
      return rows;
    };
    await maker.create();
    const [kindsBefore, ...othersBefore] = await versions();
    const shown = await maker.create();
    const [column] = changeable(kind);
    if (column !== undefined) await update(maker, { id: shown.id, [local(column)]: anotherValue(column, shown[local(column)]) });
    await maker.call(kind.isSoft ? "Purge" : "Delete", { id: shown.id });
    const { auditEntries } = await client.changes.listAuditEntries({ filter: { kinds: [unqualified(kind.table)] }, pageSize: 1_000 });
    expect(
      auditEntries.filter(({ key }) => key === String(shown.id)).map(({ operation, changedFields }) => [operation, changedFields]),
    ).toEqual([
      [AuditOperation.DELETE, []],
      [AuditOperation.UPDATE, column === undefined ? [] : [column.name]],
      [AuditOperation.INSERT, []],
    ]);
    const [kindsAfter, ...othersAfter] = await versions();
    // That a shared resource changes is no change of what the organization has. What a new one refers to is new, too.
    const madeFor = (of: Kind): number => referredKinds(client, of).reduce((sum, other) => sum + 1 + madeFor(other), 0);
    const moved = (kind.sharedBy === undefined ? 3n : 2n) + BigInt(madeFor(kind));
    expect([kindsAfter?.kind, (kindsAfter?.version ?? 0n) - (kindsBefore?.version ?? 0n)]).toEqual([moving, moved]);
    expect(othersAfter).toEqual(othersBefore);
  });

  test("goes with its organization or owner", async ({ clients, db }) => {
    const client = clients[clientKind];
    const organizationId = await createRoot(client, kind);
    const maker = await makerOf(client, kind, organizationId);
    const { id } = await maker.create();
    await removeRoot(client, kind, organizationId);
    await expectRefusal(get(maker, id), "NotFound", "RESOURCE_NOT_FOUND");
    for (const table of [...(kind.sharedBy === undefined ? [kind.table] : []), ...kind.links.map((link) => link.table)]) {
      const { rows } =
        await sql`select from ${sql.table(table)} where ${sql.ref(kind.belongsTo?.column ?? ORGANIZATION_ID)} = ${organizationId}`.execute(
          db.sql,
        );
      expect(rows).toEqual([]);
    }
  });

  if (kind.ancestors.length > 1 && kind.ancestors[0]?.to.isSoft) {
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
