import { sql } from "kysely";
import { transact } from "../../db/in-transaction.ts";
import type { Database } from "../../db/orm.ts";
import { BACKGROUND } from "../../db/places.ts";
import { createSession, type Session } from "../../db/session.ts";
import { FORMAT, lineOf, type Manifest, type ManifestTable, VERSION } from "./format.ts";
import { partsOfOrganization } from "./organization-parts.ts";
import { fromOf, orderedBy, type Part, partsOfAll, textOf } from "./parts.ts";

/** The most rows that one statement reads. */
const BATCH = 2_000;

/** Counts the rows of a part and makes their digest, as `createDigest` does. */
const countPart = async (session: Session, part: Part, withSecrets: boolean): Promise<ManifestTable> => {
  const { rows, digest } = await session.one(sql<{ rows: bigint; digest: string }>`
    select count(*) as rows, encode(sha256(coalesce(string_agg(sha256(convert_to(${textOf(part, withSecrets)}, 'UTF8')), ''::bytea
      order by ${orderedBy(part)}), ''::bytea)), 'hex') as digest from ${fromOf(part)} where ${part.which ?? sql`true`}`);
  return { table: part.table, kind: part.kind, rows: Number(rows), digest };
};

/** Reads the rows of a part, some at a time. */
async function* readPart(session: Session, part: Part, withSecrets: boolean): AsyncGenerator<string> {
  const names = part.order;
  for (let after: readonly string[] | undefined; ; ) {
    const isAfter =
      after === undefined
        ? sql`true`
        : sql`(${orderedBy(part)}) > (${sql.join(after.map((value, index) => sql`${value}::${sql.raw(names[index] === "id" || names[index] === "pk" || names[index] === "user_id" ? "bigint" : "text")}`))})`;
    const keys = sql.join(names.map((name) => sql`${sql.ref(`x.${name}`)}::text`));
    const rows = await session.rows(sql<{ row: string; key: string[] }>`
      select ${textOf(part, withSecrets)} as "row", array[${keys}] as key from ${fromOf(part)} where ${isAfter} and ${part.which ?? sql`true`} order by ${orderedBy(part)} limit ${BATCH}`);
    for (const { row } of rows) yield row;
    if (rows.length < BATCH) return;
    after = rows.at(-1)?.key;
  }
}

/** The progress of an export: the rows that were written, of how many. */
export type ExportProgress = { readonly rows: number; readonly total: number };

/** What to export: everything, or an organization. Secrets are left out unless they are asked for. */
export type Wanted = { readonly organizationId: bigint | undefined; readonly withSecrets: boolean };

/** Exports everything or an organization, of one moment: passes each line to `write`, and waits for it. An unknown organization has no rows. */
export const exportAll = (
  db: Database,
  { organizationId, withSecrets }: Wanted,
  write: (line: string) => Promise<void>,
  onProgress: (progress: ExportProgress) => void,
): Promise<Manifest> =>
  transact(db, BACKGROUND, async (transaction) => {
    const session = createSession(transaction, db.kinds);
    await session.rows(sql`set transaction isolation level repeatable read read only`);
    const { now } = await session.one(sql<{ now: Date }>`select now() as now`);
    const parts = organizationId === undefined ? partsOfAll(session) : partsOfOrganization(session, organizationId);
    const counted: { readonly part: Part; readonly table: ManifestTable }[] = [];
    for (const part of parts) counted.push({ part, table: await countPart(session, part, withSecrets) });
    const filled = counted.filter(({ table }) => table.rows > 0);
    const tables = filled.map(({ table }) => table);
    const scope =
      organizationId === undefined ? { scope: "all" as const } : { scope: "organization" as const, organizationId: String(organizationId) };
    const manifest: Manifest = { format: FORMAT, version: VERSION, ...scope, exportTime: now.toISOString(), withSecrets, tables };
    await write(JSON.stringify(manifest));
    const total = tables.reduce((sum, { rows }) => sum + rows, 0);
    let rows = 0;
    for (const { part } of filled) {
      for await (const row of readPart(session, part, withSecrets)) {
        await write(lineOf(part, row));
        rows += 1;
        if (rows % BATCH === 0) onProgress({ rows, total });
      }
    }
    return manifest;
  });
