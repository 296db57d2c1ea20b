import { sql } from "kysely";
import { describe, expect, vi } from "vitest";
import type { Database } from "../../src/db/orm.ts";
import { DeleteProfileMode } from "../../src/gen/userd/v1/user_profile_pb.ts";
import { createListings, placesOf } from "../../src/kinds/listing.ts";
import { startPurger } from "../../src/lifecycle/purger.ts";
import { kinds } from "../../src/schema/entities.ts";
import { createSystemUser } from "../../src/users/system-user.ts";
import { actingAs, createUser } from "../support/build.ts";
import { silent } from "../support/database.ts";
import { testEraser } from "../support/eraser.ts";
import { expectRefusal } from "../support/errors.ts";
import { test } from "../support/service.ts";
import { callerOf, type Maker, makerOf } from "./maker.ts";

const checkIns = kinds.find(({ name }) => name === "check_in") as (typeof kinds)[number];
const monitors = kinds.find(({ name }) => name === "monitor") as (typeof kinds)[number];

/** More than two batches. */
const MANY = 25_000;

/** The pages of tables and indexes that the first page of a list of 50 reads, or the one after the record with an id. */
const buffersOf = async (db: Database, { parentId }: Maker, orderBy: string, after?: bigint): Promise<number> => {
  const page = createListings(checkIns)({ orderBy, pageToken: after === undefined ? "" : "one" }, [], false).page;
  const query = page(
    placesOf(checkIns, { monitorId: parentId }, { after: after === undefined ? undefined : [String(after)], size: 50 }, undefined),
  );
  const { rows } = await db.sql.executeQuery<{ "QUERY PLAN": readonly { readonly Plan: Readonly<Record<string, number>> }[] }>({
    ...query,
    sql: `explain (analyze, buffers, format json) ${query.sql}`,
  } as never);
  const { Plan: plan = {} } = rows[0]?.["QUERY PLAN"][0] ?? {};
  return (plan["Shared Hit Blocks"] ?? 0) + (plan["Shared Read Blocks"] ?? 0);
};

const fill = (db: Database, { organizationId, parentId }: Maker, days = 0) =>
  sql`insert into check_in (organization_id, monitor_id, guid, create_time)
    select ${organizationId}::bigint, ${parentId}::bigint, n::text, now() - make_interval(days => ${days}) from generate_series(1, ${MANY}) n`.execute(
    db.sql,
  );

const left = async (db: Database, { parentId }: Maker): Promise<number> => {
  const { rows } = await sql<{ count: bigint }>`select count(*) as count from check_in where monitor_id = ${parentId}`.execute(db.sql);
  return Number(rows[0]?.count);
};

describe("many records", { concurrent: true, timeout: 60_000 }, () => {
  test("go in batches before what they are part of, and stay when that is not removed", async ({ clients, db }) => {
    const client = clients["grpc-js"];
    const maker = await makerOf(client, checkIns);
    await fill(db, maker);
    const { call } = callerOf(client, monitors);
    const stranger = await createUser(client);
    await expectRefusal(call("Purge", { id: maker.parentId }, actingAs(stranger.id)), "NotFound", "RESOURCE_NOT_FOUND");
    await call("Purge", { id: maker.parentId, validateOnly: true });
    expect(await left(db, maker)).toBe(MANY);
    const requestId = crypto.randomUUID();
    const answer = await call("Purge", { id: maker.parentId, requestId });
    expect(await left(db, maker)).toBe(0);
    expect(await call("Purge", { id: maker.parentId, requestId })).toEqual(answer);
  });

  test("are read page by page by their parent's index alone, from both ends, where another parent has as many", async ({ clients, db }) => {
    const [first, last] = [await makerOf(clients["grpc-js"], checkIns), await makerOf(clients["grpc-js"], checkIns)];
    await fill(db, first);
    await fill(db, last);
    await sql`analyze check_in`.execute(db.sql);
    for (const maker of [first, last]) {
      const { rows } = await sql<{ middle: bigint }>`
        select (min(id) + max(id)) / 2 as middle from check_in where monitor_id = ${maker.parentId}`.execute(db.sql);
      for (const order of ["", "id desc", "check_in_time desc"]) expect(await buffersOf(db, maker, order)).toBeLessThan(20);
      for (const order of ["", "id desc"]) expect(await buffersOf(db, maker, order, rows[0]?.middle)).toBeLessThan(20);
    }
  });

  test("of a profile go in batches before it and before its user, and stay when that is refused", async ({ clients, db }) => {
    const client = clients["grpc-js"];
    const charges = kinds.find(({ name }) => name === "charge") as (typeof kinds)[number];
    const [ofProfile, ofUser, ofDue] = [await makerOf(client, charges), await makerOf(client, charges), await makerOf(client, charges)];
    const all = [ofProfile, ofUser, ofDue];
    for (const { parentId } of all)
      await sql`insert into charge (owner_profile_id) select ${parentId}::bigint from generate_series(1, ${MANY})`.execute(db.sql);
    const leftOf = async () => {
      const { rows } = await sql<{ id: bigint; count: bigint }>`
        select owner_profile_id as id, count(*) as count from charge group by 1`.execute(db.sql);
      return all.map(({ parentId }) => Number(rows.find(({ id }) => id === parentId)?.count ?? 0n));
    };
    const userOf = async ({ parentId: value }: Maker) =>
      (await client.profiles.getProfile({ key: { case: "id", value } })).profile?.userId ?? 0n;
    const cascade = { id: ofProfile.parentId, mode: DeleteProfileMode.CASCADE };
    await expectRefusal(client.profiles.deleteProfile({ ...cascade, etag: "99" }), "Aborted", "ETAG_MISMATCH");
    await client.profiles.deleteProfile({ ...cascade, validateOnly: true });
    expect(await leftOf()).toEqual([MANY, MANY, MANY]);
    await client.profiles.deleteProfile(cascade);
    await client.users.purgeUser({ id: await userOf(ofUser) });
    expect(await leftOf()).toEqual([0, 0, MANY]);
    const due = await userOf(ofDue);
    await client.users.deleteUser({ id: due });
    await sql`update users set purge_time = now() where id = ${due}`.execute(db.sql);
    await using purger = startPurger(db, createSystemUser("sentry"), 2_000, silent, testEraser);
    // The purger of the other test may have begun with them.
    const purged = async () => {
      await purger.purge();
      expect(await leftOf()).toEqual([0, 0, 0]);
    };
    await vi.waitFor(purged, { timeout: 20_000 });
  });

  test("go with the purger, those that are kept no longer and those of what is due", async ({ clients, db }) => {
    const client = clients["grpc-js"];
    const [expired, due, kept] = [await makerOf(client, checkIns), await makerOf(client, checkIns), await makerOf(client, checkIns)];
    await fill(db, expired, 91);
    await fill(db, due);
    await fill(db, kept, 89);
    await callerOf(client, monitors).call("Delete", { id: due.parentId });
    await sql`update monitor set purge_time = now() where id = ${due.parentId}`.execute(db.sql);
    await using purger = startPurger(db, createSystemUser("sentry"), 2_000, silent, testEraser);
    // The purger of the other test may have begun with them.
    const purged = async () => {
      await purger.purge();
      expect([await left(db, expired), await left(db, due), await left(db, kept)]).toEqual([0, 0, MANY]);
    };
    await vi.waitFor(purged, { timeout: 20_000 });
  });
});
