import { AuditOperation } from "../gen/userd/v1/audit_entry_pb.ts";

const operations = new Map([
  ["insert", AuditOperation.INSERT],
  ["update", AuditOperation.UPDATE],
  ["delete", AuditOperation.DELETE],
  ["reveal", AuditOperation.REVEAL],
]);

/** Returns the kind of a change by the name in the column `operation` of the change log. */
export const operationOf = (name: string): AuditOperation => operations.get(name) ?? AuditOperation.UNSPECIFIED;

/** Returns the field that a column is in the API; undefined for a column that has a folded form of another one. */
const fieldOf = (kind: string, column: string): string | undefined => {
  if (column.endsWith("_canonical")) return undefined;
  if (column === "semver") return "version";
  if (kind === "users" && column === "flags") return "newsletter_consent_prompt";
  return column.startsWith("avatar_") ? "avatar" : column;
};

/** Returns the fields of the API that a change has changed, each once. */
export const changedFieldsOf = (kind: string, columns: readonly string[] | null): string[] => [
  ...new Set((columns ?? []).map((column) => fieldOf(kind, column)).filter((field) => field !== undefined)),
];
