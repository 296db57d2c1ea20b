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
  /** The message of the API, without a payload. */
  readonly message: Change;
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

const toChange = (row: Row, textOf: (position: bigint) => string): FeedChange => {
  const { kind, key, operation } = { kind: row.kind ?? "", key: row.key ?? "", operation: row.operation ?? "" };
  const aggregate = `${row.aggregate_kind}/${row.aggregate_id}`;
  return {
    position: row.position,
    aggregateKind: row.aggregate_kind,
    aggregate,
    kind,
    key,
    operation,
    message: create(ChangeSchema, {
      position: textOf(row.position),
      aggregate,
      version: row.version,
      kind,
      key,
      operation: operationOf(operation),
      changedFields: changedFieldsOf(kind, row.changed_columns),
      userId: row.aggregate_kind === "user" && kind !== "" ? BigInt(row.aggregate_id) : 0n,
      caller: row.caller ?? "",
      actingUserId: row.acting_user_id ?? 0n,
      requestId: row.request_id ?? "",
      changeTime: timestampFromDate(row.change_time),
      auditEntryId: kind === "" ? 0n : row.change_id,
    }),
  };
};

/**
 * Reads the changes behind a position, in their order, in one statement. Positions have no gaps: if the first one is not the next, changes were
 * pruned. `textOf` writes a position for callers.
 */
export const readFeed = async (
  session: Session,
  { after, limit }: { readonly after: bigint; readonly limit: number },
  textOf: (position: bigint) => string,
): Promise<readonly FeedChange[]> => {
  const rows = await session.rows(sql<Row>`
    select f.position, f.change_id, f.change_time, f.aggregate_kind, f.aggregate_id, f.version,
      c.kind, c.key, c.operation, c.changed_columns, c.caller, c.acting_user_id, c.request_id
    from (select * from feed where position > ${after} order by position limit ${limit}) f
    left join changes c on not f.is_bump and c.id = f.change_id and c.change_time = f.change_time
    order by f.position`);
  return rows.map((row) => toChange(row, textOf));
};

/** Reads where the feed begins: the position behind which the earliest change stands that is kept. */
export const readEarliest = async (session: Session): Promise<bigint> =>
  (
    await session.one(sql<{ earliest: bigint }>`
      select coalesce((select min(position) - 1 from feed), position) as earliest from feed_head`)
  ).earliest;
