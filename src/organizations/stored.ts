import { type RawBuilder, sql } from "kysely";
import type { Call } from "../call.ts";
import type { Database } from "../db/orm.ts";
import type { Session } from "../db/session.ts";
import type { Tx } from "../db/transaction.ts";
import { type Aggregate, organizationAggregate } from "../versions/aggregate.ts";
import { type Kind, type NamedRow, organizations } from "./kind.ts";

/**
 * Reads the one row that meets a condition on `r`.
 * @throws NOT_FOUND with the reason of the kind.
 */
export const storedRow = async <R extends NamedRow>(session: Session, kind: Kind<R>, which: RawBuilder<unknown>): Promise<R> => {
  const row = await session.row(sql<R>`select ${kind.columns} from ${sql.table(kind.table)} r where ${which}`);
  if (row === undefined) throw kind.notFound();
  return row;
};

/**
 * Reads the row with this id.
 * @throws NOT_FOUND with the reason of the kind.
 */
export const storedById = <R extends NamedRow>(session: Session, kind: Kind<R>, id: bigint): Promise<R> =>
  storedRow(session, kind, sql`r.id = ${id}`);

/**
 * Refuses a write to a deleted organization, project or team.
 * @throws FAILED_PRECONDITION with the reason of the kind.
 */
export const requireLive = <R extends NamedRow>(kind: Kind<R>, row: R): void => {
  if (row.delete_time !== null) throw kind.deleted();
};

/**
 * Checks the organization, locked already, in which something is written. `kind` is the one that `organizationOf` was asked
 * with: a row that was purged since then went with its organization.
 * @throws NOT_FOUND ORGANIZATION_NOT_FOUND or the kind's reason; FAILED_PRECONDITION ORGANIZATION_DELETED.
 */
export const assertOrganization = async (
  tx: Tx,
  id: bigint,
  { notFound }: Pick<Kind<NamedRow>, "notFound"> = organizations,
): Promise<void> => requireLive(organizations, await storedById(tx, { ...organizations, notFound }, id));

/**
 * The organization of a project or team, which never changes and has to be known before it can be locked. 0 = the row does
 * not exist. That is no error yet: a replay by request_id gets its first answer, also when the row is purged.
 */
export const organizationOf = async <R extends NamedRow & { readonly organization_id: bigint }>(
  db: Database,
  call: Call,
  kind: Kind<R>,
  id: bigint,
): Promise<bigint> => {
  const row = await db.session(call).row(sql<{ organization_id: bigint }>`
    select organization_id from ${sql.table(kind.table)} where id = ${id}`);
  return row?.organization_id ?? 0n;
};

/** The aggregate of a project. */
export const projectAggregate = (id: bigint): Aggregate => ({ kind: "project", id });

/** The aggregates of a write to a project: the project, and its organization, which must not be deleted meanwhile. */
export const projectAggregates = (organizationId: bigint, id: bigint): readonly Aggregate[] => [
  organizationAggregate(organizationId),
  projectAggregate(id),
];
