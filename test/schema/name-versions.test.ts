import { sql } from "kysely";
import { expect } from "vitest";
import { moveCanonicalNames, removeNamesInClear } from "../../src/db/canonical-names.ts";
import type { Database } from "../../src/db/orm.ts";
import { nameDigest } from "../../src/versions/aggregate.ts";
import { test } from "../import/fixture.ts";
import { unique } from "../support/build.ts";

/** Claims or drops names as the version before does, and returns the versions that it is told. */
const moveAsBefore = async (db: Database, names: readonly string[]): Promise<readonly string[]> => {
  const { rows } = await sql<{ version: string }>`
    insert into canonical_name as h (name, version)
    select name, 1 from unnest(${names}::text[]) with ordinality as wanted (name, position) order by position
    on conflict (name) do update set version = h.version + 1
    returning h.version::text`.execute(db.sql);
  return rows.map(({ version }) => version);
};

const versionsOf = async (db: Database, name: string) => {
  const { rows } = await sql<{ clear: string | null; digest: string | null }>`
    select (select version::text from canonical_name where name = ${name}) as clear,
      (select version::text from name_version where digest = ${nameDigest(name)}) as digest`.execute(db.sql);
  return rows[0];
};

test("U40 a name has one version, whether this version of userd or the one before raises it", async ({ db }) => {
  const [name, other] = [unique("beside"), unique("other")];
  expect(await moveAsBefore(db, [name, other])).toEqual(["1", "1"]);
  expect(await versionsOf(db, name)).toEqual({ clear: "1", digest: "1" });
  expect(await moveCanonicalNames(db.session(), new Set([name]))).toEqual([{ digest: nameDigest(name), version: 2n }]);
  expect(await versionsOf(db, name)).toEqual({ clear: "2", digest: "2" });
  expect(await moveAsBefore(db, [name])).toEqual(["3"]);
  expect(await versionsOf(db, name)).toEqual({ clear: "3", digest: "3" });
  // An import of the version before only locks.
  await sql`insert into canonical_name as h (name, version) values (${name}, 1) on conflict (name) do update set version = h.version where false`.execute(
    db.sql,
  );
  expect(await versionsOf(db, name)).toEqual({ clear: "3", digest: "3" });
  const own = unique("own");
  await moveCanonicalNames(db.session(), new Set([own]));
  await moveCanonicalNames(db.session(), new Set([own]));
  expect(await versionsOf(db, own)).toEqual({ clear: null, digest: "2" });
  // The version before claims a name that it has never seen.
  expect(await moveAsBefore(db, [own])).toEqual(["3"]);
  const { rows } = await sql`
    select version::int from version_bump where aggregate_kind = 'canonical_name' and aggregate_id = ${nameDigest(own)} order by id`.execute(
    db.sql,
  );
  expect(rows).toEqual([{ version: 1 }, { version: 2 }, { version: 3 }]);
});

test("U40 names in clear of the version before are removed when it has ended, and versions go on", async ({ own: db }) => {
  const name = unique("clear");
  await moveAsBefore(db, [name]);
  expect(await removeNamesInClear(db.session())).toBe(1);
  expect(await versionsOf(db, name)).toEqual({ clear: null, digest: "1" });
  expect((await moveCanonicalNames(db.session(), new Set([name])))[0]?.version).toBe(2n);
});
