import { type Field, list, nullAs, optional, text, time } from "../fields.ts";
import { defineReader } from "../reader.ts";
import { type StagingTable, TEXT } from "../staging.ts";
import { roleName } from "./auth-references.ts";
import { permission } from "./permission.ts";

/** The roles of a file, each with its permissions. */
export const roles = {
  name: "import_role",
  columns: { name: TEXT, permissions: "text[]", create_time: "timestamptz(3)", update_time: "timestamptz(3)" },
} as const satisfies StagingTable;

const member = permission(text(1_000));
const permissions: Field<string[]> = (value) => [...new Set(list(value).map(member))].sort();

const fields = {
  name: roleName,
  permissions: optional(permissions),
  date_added: optional(nullAs(undefined, time)),
  date_updated: optional(nullAs(undefined, time)),
};

/** `sentry.userrole`: named sets of permissions. */
export const sentryUserRole = defineReader({
  model: "sentry.userrole",
  becomes: "a role with its permissions",
  into: roles,
  fields,
  row: ({ name, permissions: held, date_added, date_updated }) => ({
    name,
    permissions: held,
    create_time: date_added,
    update_time: date_updated ?? date_added,
  }),
});
