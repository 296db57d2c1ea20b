import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { ListAuditEntriesRequestSchema } from "../gen/userd/v1/audit_entry_pb.ts";
import type { ChangeService } from "../gen/userd/v1/change_service_pb.ts";
import { momentOf } from "../moment.ts";
import { toAuditEntry } from "./audit-entry.mapping.ts";

/** ListAuditEntries: reads a page in one statement, the newest entries first. */
export const listAuditEntries =
  ({ db, freshness, pager }: Pick<Dependencies, "db" | "freshness" | "pager">): Operation<typeof ChangeService.method.listAuditEntries> =>
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
