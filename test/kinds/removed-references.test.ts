import { sql } from "kysely";
import { describe, expect } from "vitest";
import type { Kind } from "../../src/contract/kinds/kind.ts";
import type { Database } from "../../src/db/orm.ts";
import { startPurger } from "../../src/lifecycle/purger.ts";
import { kinds } from "../../src/schema/entities.ts";
import { createSystemUser } from "../../src/users/system-user.ts";
import { silent } from "../support/database.ts";
import { testEraser } from "../support/eraser.ts";
import { expectRefusal } from "../support/errors.ts";
import { test } from "../support/service.ts";
import { get, local, update } from "./asking.ts";
import { callerOf, makerOf, type Shown } from "./maker.ts";

/** Ends the grace period of a resource, and has the purger remove it. */
const purgeDue = async (db: Database, { table }: Kind, id: bigint): Promise<void> => {
  await sql`update ${sql.table(table)} set purge_time = now() where id = ${id}`.execute(db.sql);
  await using purger = startPurger(db, createSystemUser("sentry"), 2_000, silent, testEraser);
  await purger.purge();
};

describe.for(kinds)("$name", { concurrent: true }, (kind) => {
  test("loses what it refers to when that is purged, or goes with it, as its references say", async ({ clients }) => {
    const client = clients["grpc-js"];
    const purges = {
      project: (id: bigint) => client.organizations.purgeProject({ id }),
      team: (id: bigint) => client.organizations.purgeTeam({ id }),
      user: (id: bigint) => client.users.purgeUser({ id }),
    } as const;
    const places = [
      ...kind.columns.flatMap(({ field, reference }) => (reference ? [{ field, to: reference.to, deletion: reference.deletion }] : [])),
      ...kind.links.map(({ field, to }) => ({ field, to, deletion: "link" as const })),
    ].flatMap(({ to, ...place }) => (Object.hasOwn(purges, to.name) ? [{ ...place, model: to.name as keyof typeof purges }] : []));
    for (const { field, model, deletion } of places) {
      const maker = await makerOf(client, kind);
      const choice = kind.choices.find(({ columns }) => columns.some((column) => column.field === field))?.columns ?? [];
      const chosen = choice.map((column) => [local(column), column.field === field ? maker.things[model] : undefined]);
      const shown = await maker.create(Object.fromEntries(chosen));
      const { consistencyToken } = await purges[model](maker.things[model] ?? 0n);
      const get = maker.call("Get", {
        key: { case: "id", value: shown.id },
        consistency: { mode: { case: "atLeastAsFresh", value: consistencyToken } },
      });
      if (deletion === "cascade") await expectRefusal(get, "NotFound", "RESOURCE_NOT_FOUND");
      else {
        const left = (await get)[maker.field] as Shown;
        expect(left).toEqual({ ...shown, [field.localName]: deletion === "link" ? [] : undefined, etag: left.etag });
        expect(left.etag).not.toBe(shown.etag);
      }
    }
  });

  test("loses what it refers to of other kinds when that is removed, or goes with it, and has another etag then", async ({
    clients,
    db,
  }) => {
    const client = clients["grpc-js"];
    const removals = kinds.flatMap((other) => {
      const column = kind.columns.find(({ reference }) => reference?.to.name === other.name);
      return column ? (other.isSoft ? (["RPC", "purger"] as const) : (["RPC"] as const)).map((by) => ({ other, column, by })) : [];
    });
    for (const { other, column, by } of removals) {
      const maker = await makerOf(client, kind);
      const shown = await maker.create();
      const id = shown[local(column)] as bigint;
      const { call } = callerOf(client, other);
      if (by === "purger") {
        await call("Delete", { id });
        await purgeDue(db, other, id);
      } else await call(other.isSoft ? "Purge" : "Delete", { id });
      const left = get(maker, shown.id);
      if (column.reference?.deletion === "cascade") await expectRefusal(left, "NotFound", "RESOURCE_NOT_FOUND");
      else {
        expect(await left).toEqual({ ...shown, [local(column)]: undefined, etag: "2" });
        await expectRefusal(update(maker, { id: shown.id, etag: shown.etag }), "Aborted", "ETAG_MISMATCH");
      }
    }
  });

  if (!kind.isSoft) return;

  test("is removed by the purger when its grace period is over, and not before", async ({ clients, db }) => {
    const maker = await makerOf(clients["grpc-js"], kind);
    const [due, later] = [await maker.create(), await maker.create()];
    for (const { id } of [due, later]) await maker.call("Delete", { id });
    await purgeDue(db, kind, due.id);
    await expectRefusal(maker.call("Get", { key: { case: "id", value: due.id } }), "NotFound", "RESOURCE_NOT_FOUND");
    await maker.call("Undelete", { id: later.id });
  });
});
