import { sql } from "kysely";
import { transact } from "../../db/in-transaction.ts";
import type { Database } from "../../db/orm.ts";
import { BACKGROUND } from "../../db/places.ts";
import { createSession, type Session } from "../../db/session.ts";
import { FORMAT, type Manifest, type ManifestTable, VERSION } from "./format.ts";
import { createLineWriter, type LineWriter } from "./line-writer.ts";
import { partsOfOrganization } from "./organization-parts.ts";
import { type Part, partsOfAll } from "./parts.ts";
import { readColumns, readPart } from "./read-part.ts";

/** The progress of an export: the rows that were written, of about how many. */
export type ExportProgress = { readonly rows: number; readonly total: number };

/** What to export: everything, or an organization. Secrets are left out unless they are asked for. */
export type Wanted = { readonly organizationId: bigint | undefined; readonly withSecrets: boolean };

/** Where an export goes. */
export type ExportSink = {
  /** Takes whole lines, each with its end, as fast as it can. The bytes are theirs only until the promise is resolved. */
  readonly write: (lines: Uint8Array) => Promise<void>;
  /** Writes to the beginning of what was written; undefined = it can't, so that the rows have to be read twice. */
  readonly writeFirst?: ((line: string) => Promise<void>) | undefined;
};

/** The most digits of a number of rows. */
const MAX_DIGITS = 15;

const describe = (manifest: Omit<Manifest, "tables">, tables: readonly ManifestTable[]): string => JSON.stringify({ ...manifest, tables });

/** Returns as many blanks as the manifest of these parts can have characters. */
const blankOf = (manifest: Omit<Manifest, "tables">, parts: readonly Part[]): string => {
  const tables = parts.map(({ table, kind }) => ({ table, kind, rows: 10 ** MAX_DIGITS - 1, digest: "0".repeat(64) }));
  return " ".repeat(Buffer.byteLength(describe(manifest, tables)));
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
    // A large table is one statement, which takes as long as it takes. Moments become JSON from how ISO writes them.
    const { now } = await session.one(sql<{ now: Date }>`
      select now() as now, set_config('statement_timeout', '0', true), set_config('datestyle', 'ISO', true)`);
    const parts = organizationId === undefined ? partsOfAll(session) : partsOfOrganization(session, organizationId);
    const scope =
      organizationId === undefined ? { scope: "all" as const } : { scope: "organization" as const, organizationId: String(organizationId) };
    const about = { format: FORMAT, version: VERSION, ...scope, exportTime: now.toISOString(), withSecrets } as const;
    const columns = await readColumns(session, parts, withSecrets);
    const readAll = async (lines: LineWriter): Promise<ManifestTable[]> => {
      const tables: ManifestTable[] = [];
      for (const part of parts) tables.push(await readPart(session, part, columns, lines));
      await lines.end();
      return tables.filter(({ rows }) => rows > 0);
    };
    const { write, writeFirst } = sink;
    const counted = writeFirst === undefined ? await readAll(createLineWriter(undefined, () => {})) : undefined;
    await write(Buffer.from(`${counted === undefined ? blankOf(about, parts) : describe(about, counted)}\n`));
    const total = counted?.reduce((sum, { rows }) => sum + rows, 0) ?? (await estimate(session, parts));
    let rows = 0;
    const onRows = (more: number): void => {
      rows += more;
      onProgress({ rows, total: Math.max(total, rows) });
    };
    const tables = await readAll(createLineWriter(write, onRows));
    // Until it is there, nobody takes the file for an export.
    await writeFirst?.(describe(about, tables));
    return { ...about, tables };
  });
