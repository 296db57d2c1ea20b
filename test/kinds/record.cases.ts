import { sql } from "kysely";
import { expect } from "vitest";
import type { Kind } from "../../src/contract/kinds/kind.ts";
import { DeleteProfileMode } from "../../src/gen/userd/v1/user_profile_pb.ts";
import { filterFieldsOf } from "../../src/kinds/filter-fields.ts";
import { ordersOf } from "../../src/kinds/order.ts";
import { startPurger } from "../../src/lifecycle/purger.ts";
import { createSystemUser } from "../../src/users/system-user.ts";
import type { ClientKind } from "../support/clients.ts";
import { silent } from "../support/database.ts";
import { testEraser } from "../support/eraser.ts";
import { expectRefusal } from "../support/errors.ts";
import type { ServiceTest } from "../support/service.ts";
import { compare, get, list, local, walk } from "./asking.ts";
import { callerOf, isOwned, type Maker, makerOf, type Shown } from "./maker.ts";

/** A literal of a filter. */
const literal = (value: unknown): string => (typeof value === "string" ? JSON.stringify(value) : String(value));

/** The cases of listing the records of a large kind, and of their end. */
export const recordCases = (test: ServiceTest, clientKind: ClientKind, kind: Kind): void => {
  test("is listed page by page, from both ends, in each order that an index serves", async ({ clients }) => {
    const maker = await makerOf(clients[clientKind], kind);
    const made: Shown[] = [];
    for (let n = 0; n < 5; n++) made.push(await maker.create());
    for (const order of [[], ...ordersOf(kind)]) {
      const names = [...order.map(local), "id"];
      const ascending = made.toSorted((a, b) => compare(a, b, names));
      const paths = order.length === 0 ? ["id"] : order.map(({ name }) => name);
      expect(await walk(maker, { orderBy: paths.join(", ") })).toEqual(ascending);
      expect(await walk(maker, { orderBy: paths.map((path) => `${path} desc`).join(",") })).toEqual(ascending.toReversed());
      const beginning = order.slice(0, -1).map(({ name }) => name);
      if (beginning.length > 0 && !ordersOf(kind).some((one) => one.map(({ name }) => name).join() === beginning.join()))
        await expectRefusal(list(maker, { orderBy: beginning.join(", ") }), "FailedPrecondition", "QUERY_NOT_INDEXED");
    }
  });

  test("is filtered as far as an index serves it; else the index to declare is named", async ({ clients }) => {
    const maker = await makerOf(clients[clientKind], kind);
    const made: Shown[] = [];
    for (let n = 0; n < 4; n++) made.push(await maker.create());
    const [, second] = made as [Shown, Shown];
    expect(await walk(maker, { filter: `id > ${second.id}` })).toEqual(made.slice(2));
    expect(await walk(maker, { filter: `id >= ${second.id} && id < ${made[3]?.id}`, orderBy: "id desc" })).toEqual([made[2], second]);
    expect((await list(maker, { filter: "false" })).rows).toEqual([]);
    for (const order of ordersOf(kind)) {
      const orderBy = order.map(({ name }) => name).join(", ");
      const plain = order.filter(({ type }) => type === "bigint" || type === "text");
      if (plain.length === order.length) {
        const equal = order.map((column) => `${column.name} == ${literal(second[local(column)])}`).join(" && ");
        expect((await list(maker, { filter: equal, orderBy })).rows).toEqual([second]);
        expect(
          (await list(maker, { filter: `${order[0]?.name} >= ${literal(second[local(order[0] as (typeof order)[0])])}`, orderBy })).rows,
        ).toContainEqual(second);
      }
      const of = (column: (typeof order)[0]) =>
        `${column.name} == ${column.field.enum?.values.find(({ number }) => number === second[local(column)])?.name}`;
      if (order[0]?.type === "smallint") {
        const wanted = made.filter((shown) => shown[local(order[0] as (typeof order)[0])] === second[local(order[0] as (typeof order)[0])]);
        expect(await walk(maker, { filter: of(order[0]), orderBy })).toEqual(
          wanted.toSorted((a, b) => compare(a, b, [...order.map(local), "id"])),
        );
        const refused = await expectRefusal(list(maker, { filter: of(order[0]) }), "FailedPrecondition", "QUERY_NOT_INDEXED");
        expect(refused.error.rawMessage).toContain(`one of ${kind.parent.name}, ${order[0].name}, with order_by "${order[0].name}"`);
        expect(refused.error.rawMessage).toMatch(/^filter at line 1, column \d+: /);
        expect(refused.fields).toEqual(["filter"]);
      }
    }
    for (const [filter, column] of [
      [`id != ${second.id}`, 4],
      ["id == 1 || id == 2", 4],
      ["id in [1, 2]", 4],
      ["!(id == 1)", 6],
      ["id > 0 && id != 1", 14],
    ] as const) {
      const refused = await expectRefusal(list(maker, { filter }), "FailedPrecondition", "QUERY_NOT_INDEXED");
      expect(refused.fields).toEqual(["filter"]);
      expect(refused.error.rawMessage).toMatch(new RegExp(`^filter at line 1, column ${column}\\D`));
    }
    for (const name of filterFieldsOf(kind).undeclared)
      await expectRefusal(list(maker, { filter: `has(${name})` }), "FailedPrecondition", "QUERY_NOT_INDEXED");
  });

  const { retention } = kind;
  if (retention !== undefined) {
    test("goes when it is no longer kept, and not before", async ({ clients, db }) => {
      const maker = await makerOf(clients[clientKind], kind);
      const [old, young] = [await maker.create(), await maker.create()];
      const set = (id: bigint, hours: number) =>
        sql`update ${sql.table(kind.table)} set ${sql.ref(retention.column.name)} = now() - make_interval(hours => ${hours})
          where id = ${id}`.execute(db.sql);
      await set(old.id, retention.days * 24 + 1);
      await set(young.id, retention.days * 24 - 1);
      await using purger = startPurger(db, createSystemUser("sentry"), 2_000, silent, testEraser);
      await purger.purge();
      expect((await list(maker)).rows.map(({ id }) => id)).toEqual([young.id]);
    });
  }

  test("goes with what it is part of", async ({ clients }) => {
    const client = clients[clientKind];
    const parent = client.kinds.find(({ name }) => name === kind.parent.reference?.to.name);
    const ofOwner = ({ parentId: id }: Maker, more = {}) => client.profiles.deleteProfile({ id, mode: DeleteProfileMode.CASCADE, ...more });
    const ofOrganization = [
      ({ organizationId: id }: Maker, more = {}) => client.organizations.purgeOrganization({ id, ...more }),
      ({ parentId: id }: Maker, more = {}) =>
        parent === undefined ? client.organizations.purgeProject({ id, ...more }) : callerOf(client, parent).call("Purge", { id, ...more }),
    ];
    for (const purge of isOwned(kind) ? [ofOwner] : ofOrganization) {
      const maker = await makerOf(client, kind);
      const { id } = await maker.create();
      await purge(maker, { validateOnly: true });
      expect((await get(maker, id)).id).toBe(id);
      await purge(maker);
      await expectRefusal(get(maker, id), "NotFound", "RESOURCE_NOT_FOUND");
    }
  });
};
