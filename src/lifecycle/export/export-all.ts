import { sql } from "kysely";
import { transact } from "../../db/in-transaction.ts";
import type { Database } from "../../db/orm.ts";
import { BACKGROUND } from "../../db/places.ts";
import { createSession, type Session } from "../../db/session.ts";
import { createDigest, FORMAT, type Manifest, type ManifestTable, prefixOf, ROWS_PER_HASH, VERSION } from "./format.ts";
import { partsOfOrganization } from "./organization-parts.ts";
import { fromOf, orderedBy, type Part, partsOfAll, textOf } from "./parts.ts";

/** The most rows that one statement reads. */
const BATCH = 5_000;

/** Counts the rows of a part and makes their digest, as `createDigest` does. */
const countPart = async (session: Session, part: Part, withSecrets: boolean): Promise<ManifestTable> => {
  const { rows, digest } = await session.one(sql<{ rows: bigint; digest: string }>`
    select coalesce(sum(rows), 0)::bigint as rows, encode(sha256(coalesce(string_agg(hash, ''::bytea order by block), ''::bytea)), 'hex') as digest
    from (
      select block, count(*) as rows, sha256(convert_to(string_agg("row", '' order by place), 'UTF8')) as hash
      from (select ${textOf(part, withSecrets)} as "row", row_number() over (order by ${orderedBy(part)}) as place
        from ${fromOf(part)} where ${part.which ?? sql`true`}) x, lateral (select (place - 1) / ${sql.lit(ROWS_PER_HASH)} as block) b
      group by block
    ) y`);
  return { table: part.table, kind: part.kind, rows: Number(rows), digest };
};

/** Reads the rows of a part, some at a time; while they are written, the database reads the next ones. */
async function* readPart(session: Session, part: Part, withSecrets: boolean): AsyncGenerator<readonly { readonly row: string }[]> {
  await session.rows(sql`
    declare part no scroll cursor for select ${textOf(part, withSecrets)} as "row"
    from ${fromOf(part)} where ${part.which ?? sql`true`} order by ${orderedBy(part)}`);
  const read = () => {
    const rows = session.rows(sql<{ row: string }>`fetch ${sql.lit(BATCH)} from part`);
    // Told where it is waited for, unless the export has failed before.
    rows.catch(() => {});
    return rows;
  };
  for (let next = read(), isFull = true; isFull; ) {
    const rows = await next;
    isFull = rows.length === BATCH;
    if (isFull) next = read();
    yield rows;
  }
  await session.rows(sql`close part`);
}

/** The progress of an export: the rows that were written, of about how many. */
export type ExportProgress = { readonly rows: number; readonly total: number };

/** What to export: everything, or an organization. Secrets are left out unless they are asked for. */
export type Wanted = { readonly organizationId: bigint | undefined; readonly withSecrets: boolean };

/** Where an export goes. */
export type ExportSink = {
  /** Takes whole lines, each with its end, as fast as it can. */
  readonly write: (text: string) => Promise<void>;
  /** Writes to the beginning of what was written; undefined = it can't, so that the rows have to be read twice. */
  readonly writeFirst?: ((text: string) => Promise<void>) | undefined;
};

/** The most digits of a number of rows. */
const MAX_DIGITS = 15;

const describe = (manifest: Omit<Manifest, "tables">, tables: readonly ManifestTable[]): string => JSON.stringify({ ...manifest, tables });

/** Returns as many blanks as the manifest of these parts can have characters. */
const blankOf = (manifest: Omit<Manifest, "tables">, parts: readonly Part[]): string => {
  const tables = parts.map(({ table, kind }) => ({ table, kind, rows: 10 ** MAX_DIGITS - 1, digest: "0".repeat(64) }));
  return " ".repeat(Buffer.byteLength(describe(manifest, tables)));
};

/** Writes the rows of a part, and returns their number and digest. */
const writePart = async (
  session: Session,
  part: Part,
  { organizationId: _, withSecrets }: Wanted,
  { write }: ExportSink,
  onRows: (rows: number) => void,
): Promise<ManifestTable> => {
  const [digest, prefix] = [createDigest(), prefixOf(part)];
  let count = 0;
  for await (const rows of readPart(session, part, withSecrets)) {
    if (rows.length === 0) continue;
    let text = "";
    for (const { row } of rows) {
      text += `${prefix}${row}}\n`;
      digest.add(row);
    }
    await write(text);
    count += rows.length;
    onRows(rows.length);
  }
  return { table: part.table, kind: part.kind, rows: count, digest: digest.hex() };
};

/** About how many rows all parts have. */
const estimate = async (session: Session, parts: readonly Part[]): Promise<number> => {
  const { total } = await session.one(sql<{ total: number }>`
    select coalesce(sum(greatest(reltuples, 0)), 0)::float8 as total from pg_class
    where oid = any(${parts.map(({ table }) => table)}::regclass[])`);
  return total;
};

/** Exports everything or an organization, of one moment. An unknown organization has no rows. */
export const exportAll = (
  db: Database,
  wanted: Wanted,
  sink: ExportSink,
  onProgress: (progress: ExportProgress) => void,
): Promise<Manifest> =>
  transact(db, BACKGROUND, async (transaction) => {
    const { organizationId, withSecrets } = wanted;
    const session = createSession(transaction, db.kinds);
    await session.rows(sql`set transaction isolation level repeatable read read only`);
    const { now } = await session.one(sql<{ now: Date }>`select now() as now`);
    const parts = organizationId === undefined ? partsOfAll(session) : partsOfOrganization(session, organizationId);
    const scope =
      organizationId === undefined ? { scope: "all" as const } : { scope: "organization" as const, organizationId: String(organizationId) };
    const about = { format: FORMAT, version: VERSION, ...scope, exportTime: now.toISOString(), withSecrets } as const;
    const { writeFirst } = sink;
    let counted: readonly ManifestTable[] | undefined;
    const blank = blankOf(about, parts);
    if (writeFirst === undefined) {
      const tables: ManifestTable[] = [];
      for (const part of parts) tables.push(await countPart(session, part, withSecrets));
      counted = tables.filter(({ rows }) => rows > 0);
      await sink.write(`${describe(about, counted)}\n`);
    } else await sink.write(`${blank}\n`);
    const total = counted?.reduce((sum, { rows }) => sum + rows, 0) ?? (await estimate(session, parts));
    let rows = 0;
    const written: ManifestTable[] = [];
    for (const part of parts) {
      const table = await writePart(session, part, wanted, sink, (more) => {
        rows += more;
        onProgress({ rows, total: Math.max(total, rows) });
      });
      if (table.rows > 0) written.push(table);
    }
    // Until it is there, nobody takes the file for an export.
    await writeFirst?.(describe(about, written));
    return { ...about, tables: written };
  });
