import { sql } from "kysely";
import { compiled, place } from "../db/compiled.ts";
import type { Database } from "../db/orm.ts";
import { type SnapshotColumns, snapshot, snapshotColumns } from "../db/snapshot.ts";
import type { Source } from "./ports.ts";

type Row = Omit<SnapshotColumns, "aggregate_version"> & { readonly versions: string };

// One row and three columns, however many aggregates: to read rows is most of what a driver does.
const showing = compiled<Row>(sql<Row>`
  select ${snapshotColumns}, (
    select string_agg(coalesce(s.version, 0)::text, ' ' order by w.position)
    from unnest(${place("kinds")}::text[], ${place("ids")}::bigint[]) with ordinality as w (kind, id, position)
    left join aggregate_version s on s.kind = w.kind and s.id = w.id) as versions
  from ${snapshot}`);

/** Makes the function that reads the versions of aggregates, which are not canonical names, by one statement. `group` names what it waits for. */
export const createShowVersions =
  (db: Database, group: string): NonNullable<Source<unknown, unknown>["showVersions"]> =>
  async (aggregates, signal) => {
    const row = await db.session({ signal, group }).one(
      showing({
        kinds: aggregates.map(({ kind }) => kind),
        ids: aggregates.map(({ id }) => String(id)),
      }),
    );
    return { epoch: row.epoch, databaseTime: row.database_time, versions: row.versions.split(" ").map(BigInt) };
  };
