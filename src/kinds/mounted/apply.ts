import { sql } from "kysely";
import {
  isMounted,
  type Kind,
  type Link,
  MOUNTED_SCHEMA,
  ORGANIZATION,
  ORGANIZATION_ID,
  PROFILE,
  PROJECT,
  tokenOf,
} from "../../contract/kinds/kind.ts";
import { inTransaction } from "../../db/in-transaction.ts";
import { assertMigrated, underMigrationLock } from "../../db/migrate.ts";
import type { Database } from "../../db/orm.ts";
import { createSession, type Session } from "../../db/session.ts";
import { StartupError } from "../../db/startup-error.ts";
import { appliedKinds, mountedKinds, recordApplied } from "./applied.ts";
import { compareSets } from "./compatible.ts";

/** The changes that `userd kinds apply` makes, as sentences and as SQL statements. */
export type Plan = {
  readonly changes: readonly string[];
  /** The statements of one transaction. */
  readonly statements: readonly string[];
  /** The statements that create indexes of tables that are there already. */
  readonly indexes: readonly string[];
};

/** The name of the writer in the change log. */
const WRITER = "userd kinds apply";

const CREATE_INDEX = new RegExp(`^create index (\\w+) on ${MOUNTED_SCHEMA}\\.(\\w+) `);

/** Returns the statements by which the tables of mounted kinds become what their messages say. */
const differences = async ({ orm }: Database): Promise<readonly string[]> => {
  const text = await orm.schema.getUpdateSchemaSQL({ schema: MOUNTED_SCHEMA, safe: true, dropTables: false, wrap: false });
  return text
    .split(/;\s*\n/)
    .map((statement) => statement.trim().replace(/;$/, ""))
    .filter((statement) => statement !== "");
};

/**
 * Makes the `Plan` that brings the database from the kinds applied last to the mounted kinds of this instance.
 * @throws StartupError that says for each change that is not possible what to do instead.
 */
export const planKinds = async (db: Database): Promise<Plan> => {
  await assertMigrated(db);
  const { changes, faults } = compareSets(await appliedKinds(db.session()), mountedKinds(db.kinds));
  if (faults.length > 0) throw new StartupError(`The kinds can't be applied:\n${faults.map((fault) => `${fault}.`).join("\n")}`);
  const rows = await db.session().rows(sql<{ name: string }>`
    select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = ${MOUNTED_SCHEMA} and c.relkind = 'r'`);
  const there = new Set(rows.map(({ name }) => name));
  const all = await differences(db);
  const isLater = (statement: string) => there.has(CREATE_INDEX.exec(statement)?.[2] ?? "");
  return { changes, statements: all.filter((one) => !isLater(one)), indexes: all.filter(isLater) };
};

/** The aggregate that a row of an organization's or a profile's own moves. */
const aggregateOf = ({ aggregates, belongsTo }: Kind): string =>
  aggregates.includes(ORGANIZATION) ? ORGANIZATION : belongsTo?.to === PROFILE ? "kinds:profile" : "kinds:organization";

/** Gives the tables of a kind the triggers by which its writes are logged and move versions. */
const track = async (tx: Session, kind: Kind): Promise<void> => {
  const { name, table, sharedBy, belongsTo, links } = kind;
  const { lastUsed } = tokenOf(kind)?.token ?? {};
  const [aggregate, id] = sharedBy === undefined ? [aggregateOf(kind), `r.${belongsTo?.column}`] : ["kinds:shared", "r.id"];
  const audited = kind.columns.filter(({ isAudited }) => isAudited).map((column) => column.name);
  const project = kind.parent.reference?.to.name === PROJECT ? `r.${kind.parent.name}` : null;
  await tx.rows(sql`
    select track_changes(${table}::regclass, ${`'${aggregate}'`}, ${id}, 'r.id', '{id,etag}',
      ${lastUsed === undefined ? "{}" : `{${lastUsed.name}}`}::text[], ${audited}::text[], ${project}::text)`);
  const ofLink = ({ column }: Link) => `concat_ws('/', r."${name}_id", r."${column}")`;
  for (const link of links)
    await tx.rows(sql`
      select track_changes(${link.table}::regclass, ${`'${aggregateOf(kind)}'`}, ${`r.${ORGANIZATION_ID}`}, ${ofLink(link)})`);
};

/** Drops what an index that was broken off has left: it is of no use, and in the way. */
const dropInvalidIndexes = async (session: Session): Promise<void> => {
  const rows = await session.rows(sql<{ name: string }>`
    select c.relname as name from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = ${MOUNTED_SCHEMA} and not i.indisvalid`);
  for (const { name } of rows) await session.rows(sql`drop index ${sql.table(`${MOUNTED_SCHEMA}.${name}`)}`);
};

/** Creates indexes while the tables are written to. The embedded database has one connection: nobody is there to be kept waiting. */
const createIndexes = (db: Database, indexes: readonly string[]): Promise<void> =>
  db.sql.connection().execute(async (connection) => {
    const session = createSession(connection, db.kinds);
    await session.rows(sql`set statement_timeout = 0`);
    try {
      for (const index of indexes)
        await session.rows(sql.raw(db.kind === "postgres" ? index.replace(/^create index /, "create index concurrently ") : index));
    } finally {
      await session.rows(sql`reset statement_timeout`);
    }
  });

/** Changes the tables of all mounted kinds to what the kinds' messages declare, and records these kinds as applied. Returns the changes. */
export const applyKinds = (db: Database): Promise<Plan> =>
  underMigrationLock(db, async () => {
    await dropInvalidIndexes(db.session());
    const plan = await planKinds(db);
    // A change without a statement can be one of what the change log has.
    if (plan.statements.length > 0 || plan.changes.length > 0)
      await inTransaction(db, WRITER, async (tx) => {
        await tx.rows(sql`set local statement_timeout = 0`);
        for (const statement of plan.statements) await tx.rows(sql.raw(statement));
        // So that the change log names a table without its schema.
        await tx.rows(sql`select set_config('search_path', quote_ident(current_schema()) || ${`, ${MOUNTED_SCHEMA}`}, true)`);
        for (const kind of db.kinds.kinds.filter((one) => isMounted(one) && !one.isLarge)) await track(tx, kind);
      });
    await createIndexes(db, plan.indexes);
    if (plan.changes.length > 0) await inTransaction(db, WRITER, (tx) => recordApplied(tx, db.kinds.mounted));
    return plan;
  });
