import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Selectable } from "kysely";
import { type AuditEntrySchema, AuditOperation } from "../gen/userd/v1/audit_entry_pb.ts";
import type { Schema } from "../schema/entities.ts";

/** A row of the change log, as ListAuditEntries selects it. */
export type ChangeRow = Pick<
  Selectable<Schema["changes"]>,
  | "id"
  | "change_time"
  | "kind"
  | "key"
  | "operation"
  | "changed_columns"
  | "aggregate_kind"
  | "aggregate_id"
  | "caller"
  | "acting_user_id"
  | "request_id"
>;

const operations = new Map([
  ["insert", AuditOperation.INSERT],
  ["update", AuditOperation.UPDATE],
  ["delete", AuditOperation.DELETE],
]);

/** The field of a column; undefined for columns that hold a folded form of another one, which are no fields. */
const fieldOf = (kind: string, column: string): string | undefined => {
  if (column.endsWith("_canonical")) return undefined;
  if (column === "semver") return "version";
  if (kind === "users" && column === "flags") return "newsletter_consent_prompt";
  return column.startsWith("avatar_") ? "avatar" : column;
};

/** A change as the API shows it. */
export const toAuditEntry = (row: ChangeRow): MessageInitShape<typeof AuditEntrySchema> => ({
  id: row.id,
  changeTime: timestampFromDate(row.change_time),
  kind: row.kind,
  key: row.key,
  operation: operations.get(row.operation) ?? AuditOperation.UNSPECIFIED,
  changedFields: [
    ...new Set((row.changed_columns ?? []).map((column) => fieldOf(row.kind, column)).filter((field) => field !== undefined)),
  ],
  userId: row.aggregate_kind === "user" ? row.aggregate_id : 0n,
  caller: row.caller,
  actingUserId: row.acting_user_id ?? 0n,
  requestId: row.request_id ?? "",
});
