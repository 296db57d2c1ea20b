import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Selectable } from "kysely";
import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { type AuditEntrySchema, ListAuditEntriesRequestSchema } from "../gen/userd/v1/audit_entry_pb.ts";
import { ChangeService } from "../gen/userd/v1/change_service_pb.ts";
import { momentOf } from "../moment.ts";
import type { Schema } from "../schema/entities.ts";
import { changedFieldsOf, operationOf } from "./audit-fields.ts";

const { method } = ChangeService;

/** A row of the change log, as ListAuditEntries selects it. */
export type ChangeRow = Omit<Selectable<Schema["changes"]>, "version" | "xid">;

/** Makes the AuditEntry of the API from a row of the change log. */
const toAuditEntry = (row: ChangeRow): MessageInitShape<typeof AuditEntrySchema> => ({
  id: row.id,
  changeTime: timestampFromDate(row.change_time),
  kind: row.kind,
  key: row.key,
  operation: operationOf(row.operation),
  changedFields: changedFieldsOf(row.kind, row.changed_columns),
  userId: row.aggregate_kind === "user" ? row.aggregate_id : 0n,
  caller: row.caller,
  actingUserId: row.acting_user_id ?? 0n,
  requestId: row.request_id ?? "",
});

/** ListAuditEntries: reads one page of the change log in one statement, with the newest entries first. */
export const listAuditEntries =
  ({ db, freshness, pager }: Dependencies): Operation<typeof method.listAuditEntries> =>
  async (call, request) => {
    const page = pager(call, ListAuditEntriesRequestSchema, request);
    const { userId = 0n, kinds = [], caller = "", actingUserId = 0n, startTime, endTime } = request.filter ?? {};
    const start = startTime && momentOf(startTime);
    const end = endTime && momentOf(endTime);
    await freshness.check(call, request.consistency);
    const found = await db.session(call).rows(
      db.sql
        .selectFrom("changes")
        .select(["id", "change_time", "kind", "key", "operation", "changed_columns", "aggregate_kind", "aggregate_id"])
        .select(["caller", "acting_user_id", "request_id"])
        .where(({ and, eb }) =>
          and([
            ...(userId === 0n ? [] : [eb("aggregate_kind", "=", "user"), eb("aggregate_id", "=", userId)]),
            ...(kinds.length === 0 ? [] : [eb("kind", "in", kinds)]),
            ...(caller === "" ? [] : [eb("caller", "=", caller)]),
            ...(actingUserId === 0n ? [] : [eb("acting_user_id", "=", actingUserId)]),
            ...(start ? [eb("change_time", ">=", start)] : []),
            ...(end ? [eb("change_time", "<", end)] : []),
            ...(page.after ? [eb("id", "<", BigInt(page.after[0] ?? 0))] : []),
          ]),
        )
        .orderBy("id", "desc")
        .limit(page.size + 1),
    );
    const { rows, nextPageToken } = page.cut(found, ({ id }) => [id]);
    return { auditEntries: rows.map(toAuditEntry), nextPageToken };
  };
