import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import type { Session } from "../db/session.ts";
import { type Change, ChangeSchema } from "../gen/userd/v1/change_pb.ts";
import { changedFieldsOf, operationOf } from "./audit-fields.ts";

/** A change of the feed. All watchers of a process share the one object. */
export type FeedChange = {
  readonly position: bigint;
  readonly aggregateKind: string;
  /** The aggregate, "KIND/ID". */
  readonly aggregate: string;
  /** The kind of resource; empty for the bump of an aggregate. */
  readonly kind: string;
  readonly key: string;
  readonly operation: string;
  /** Returns the message of the API, without a payload: made when a watcher takes it, and once for all of them. */
  readonly message: () => Change;
};

type Row = {
  readonly position: bigint;
  readonly change_id: bigint;
  readonly change_time: Date;
  readonly aggregate_kind: string;
  readonly aggregate_id: string;
  readonly version: bigint;
  readonly kind: string | null;
  readonly key: string | null;
  readonly operation: string | null;
  readonly changed_columns: string[] | null;
  readonly caller: string | null;
  readonly acting_user_id: bigint | null;
  readonly request_id: string | null;
};

const toMessage = (row: Row, position: string): Change => {
  const kind = row.kind ?? "";
  return create(ChangeSchema, {
    position,
    aggregate: `${row.aggregate_kind}/${row.aggregate_id}`,
    version: row.version,
    kind,
    key: row.key ?? "",
    operation: operationOf(row.operation ?? ""),
    changedFields: changedFieldsOf(kind, row.changed_columns),
    userId: row.aggregate_kind === "user" && kind !== "" ? BigInt(row.aggregate_id) : 0n,
    caller: row.caller ?? "",
    actingUserId: row.acting_user_id ?? 0n,
    requestId: row.request_id ?? "",
    changeTime: timestampFromDate(row.change_time),
    auditEntryId: kind === "" ? 0n : row.change_id,
  });
};

const toChange = (row: Row, textOf: (position: bigint) => string): FeedChange => {
  let message: Change | undefined;
  return {
    position: row.position,
    aggregateKind: row.aggregate_kind,
    aggregate: `${row.aggregate_kind}/${row.aggregate_id}`,
    kind: row.kind ?? "",
    key: row.key ?? "",
    operation: row.operation ?? "",
    message: () => {
      message ??= toMessage(row, textOf(row.position));
      return message;
    },
  };
};

/** What is read of the feed: the changes behind a position, at most so many, up to another position or of some aggregates alone. */
type Reading = {
  readonly after: bigint;
  readonly limit: number;
  readonly upTo?: bigint;
  readonly aggregates?: readonly string[];
};

/**
 * Reads the changes behind a position, in their order, in one statement. Positions have no gaps: if the first one is not the next, changes were
 * pruned. `textOf` writes a position for callers.
 */
export const readFeed = async (
  session: Session,
  { after, limit, upTo, aggregates }: Reading,
  textOf: (position: bigint) => string,
): Promise<readonly FeedChange[]> => {
  const isWanted = sql`${upTo === undefined ? sql`true` : sql`position <= ${upTo}`}
    and ${aggregates === undefined ? sql`true` : sql`aggregate_kind || '/' || aggregate_id = any(${aggregates}::text[])`}`;
  const rows = await session.rows(sql<Row>`
    select f.position, f.change_id, f.change_time, f.aggregate_kind, f.aggregate_id, f.version,
      c.kind, c.key, c.operation, c.changed_columns, c.caller, c.acting_user_id, c.request_id
    from (select * from feed where position > ${after} and ${isWanted} order by position limit ${limit}) f
    left join changes c on not f.is_bump and c.id = f.change_id and c.change_time = f.change_time
    order by f.position`);
  return rows.map((row) => toChange(row, textOf));
};

/** Reads where the feed begins: the position behind which the earliest change stands that is kept. */
export const readEarliest = async (session: Session): Promise<bigint> =>
  (
    await session.one(sql<{ earliest: bigint }>`
      select coalesce((select min(position) - 1 from feed), (select position from current_feed_head())) as earliest`)
  ).earliest;
