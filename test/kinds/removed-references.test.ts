import { sql } from "kysely";
import { describe, expect } from "vitest";
import { startPurger } from "../../src/lifecycle/purger.ts";
import { kinds } from "../../src/schema/entities.ts";
import { createSystemUser } from "../../src/users/system-user.ts";
import { silent } from "../support/database.ts";
import { expectRefusal } from "../support/errors.ts";
import { test } from "../support/service.ts";
import { local } from "./asking.ts";
import { makerOf, type Shown } from "./maker.ts";

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

  if (!kind.isSoft) return;

  test("is removed by the purger when its grace period is over, and not before", async ({ clients, db }) => {
    const maker = await makerOf(clients["grpc-js"], kind);
    const [due, later] = [await maker.create(), await maker.create()];
    for (const { id } of [due, later]) await maker.call("Delete", { id });
    await sql`update ${sql.table(kind.table)} set purge_time = now() where id = ${due.id}`.execute(db.sql);
    await using purger = startPurger(db, createSystemUser("sentry"), 2_000, silent);
    await purger.purge();
    await expectRefusal(maker.call("Get", { key: { case: "id", value: due.id } }), "NotFound", "RESOURCE_NOT_FOUND");
    await maker.call("Undelete", { id: later.id });
  });
});
