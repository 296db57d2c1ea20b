import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { timestampFromDate, type ValueSchema } from "@bufbuild/protobuf/wkt";
import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import {
  type AuditEntrySchema,
  AuditFilterSchema,
  type AuditValueSchema,
  ListAuditEntriesRequestSchema,
} from "../gen/userd/v1/audit_entry_pb.ts";
import { ChangeService } from "../gen/userd/v1/change_service_pb.ts";
import { changedFieldsOf, operationOf } from "./audit-fields.ts";
import { auditQuery, type ChangeRow } from "./audit-query.ts";
import { type AuditedField, type AuditedFields, auditedFields } from "./audited.ts";

const { method } = ChangeService;

/** Makes the value of the API from a value of the log. The number of an enum becomes the name of its value. */
const toValue = (value: unknown, { field, enumBase }: Partial<AuditedField>): MessageInitShape<typeof ValueSchema> => {
  if (typeof value === "boolean") return { kind: { case: "boolValue", value } };
  if (value === null) return { kind: { case: "nullValue", value: 0 } };
  const named = typeof value === "number" ? field?.enum?.value[value + (enumBase ?? 0)]?.name : undefined;
  if (typeof value === "number" && named === undefined) return { kind: { case: "numberValue", value } };
  return { kind: { case: "stringValue", value: named ?? String(value) } };
};

/** Makes the values of an entry. What was created had no value before, and what was deleted has none after. */
const toValues = ({ kind, operation, changed }: ChangeRow, audited: AuditedFields): MessageInitShape<typeof AuditValueSchema>[] =>
  Object.entries(changed ?? {}).map(([column, [before, after]]) => {
    const field = audited.get(kind)?.get(column) ?? {};
    return {
      field: column,
      ...(operation !== "insert" && { oldValue: toValue(before, field) }),
      ...(operation !== "delete" && { newValue: toValue(after, field) }),
    };
  });

/** Makes the AuditEntry of the API from a row of the change log. */
const toAuditEntry = (row: ChangeRow, audited: AuditedFields): MessageInitShape<typeof AuditEntrySchema> => ({
  id: row.id,
  changeTime: timestampFromDate(row.change_time),
  kind: row.kind,
  key: row.key,
  operation: operationOf(row.operation),
  changedFields: changedFieldsOf(row.kind, row.changed_columns),
  userId: row.aggregate_kind === "user" ? row.aggregate_id : 0n,
  organizationId: row.aggregate_kind === "organization" || row.aggregate_kind === "kinds:organization" ? row.aggregate_id : 0n,
  projectId: row.project_id ?? 0n,
  caller: row.caller,
  actingUserId: row.acting_user_id ?? 0n,
  requestId: row.request_id ?? "",
  reason: row.reason ?? "",
  changed: toValues(row, audited),
});

/** ListAuditEntries: reads one page of the change log in one statement, with the newest entries first. */
export const listAuditEntries = ({ db, freshness, pager }: Dependencies): Operation<typeof method.listAuditEntries> => {
  const audited = auditedFields(db.kinds);
  return async (call, request) => {
    const page = pager(call, ListAuditEntriesRequestSchema, request);
    const after = page.after?.[0];
    const query = auditQuery(request.filter ?? create(AuditFilterSchema), page.size, after === undefined ? undefined : BigInt(after));
    await freshness.check(call, request.consistency);
    const found = await db.session(call).rows(query);
    const { rows, nextPageToken } = page.cut(
      found.filter((row): row is typeof row & ChangeRow => row.id !== null),
      ({ id }) => [id],
    );
    const reached = found[0]?.reached ?? 0n;
    return {
      auditEntries: rows.map((row) => toAuditEntry(row, audited)),
      nextPageToken: nextPageToken === "" && reached > 0n ? page.tokenAfter([reached]) : nextPageToken,
    };
  };
};
