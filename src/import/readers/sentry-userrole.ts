import { Unfit } from "../fault.ts";
import { type Field, list, nullAs, optional, time } from "../fields.ts";
import { defineReader } from "../reader.ts";
import { type StagingTable, TEXT } from "../staging.ts";
import { roleName } from "./auth-references.ts";
import { MAX_PERMISSIONS, permission } from "./permission.ts";

/** The staging table of the roles in an import file, each with its permissions. */
export const roles = {
  name: "import_role",
  table: "role",
  ofSeveralModels: true,
  columns: { name: TEXT, permissions: "text[]", create_time: "timestamptz(3)", update_time: "timestamptz(3)" },
  derived: { is_implied: "boolean default false" },
} as const satisfies StagingTable;

/** A permission that breaks the API's rules is left out: it could be neither checked nor written back. */
const permissions: Field<string[]> = (value, note) => {
  const held = list(value).flatMap((member) => {
    try {
      return [permission(member)];
    } catch (error) {
      if (!(error instanceof Unfit)) throw error;
      note(`hold one that ${error.message}, which is left out`);
      return [];
    }
  });
  const distinct = [...new Set(held)].sort();
  if (distinct.length < held.length) note("hold one twice");
  if (distinct.length > MAX_PERMISSIONS) throw new Unfit(`are more than ${MAX_PERMISSIONS}`);
  return distinct;
};

const fields = {
  name: roleName,
  permissions: optional(permissions),
  date_added: optional(nullAs(undefined, time)),
  date_updated: optional(nullAs(undefined, time)),
};

/** The import reader of `sentry.userrole` records, which hold roles and their permissions. */
export const sentryUserRole = defineReader({
  model: "sentry.userrole",
  becomes: "a role with its permissions",
  into: roles,
  isKnownByName: true,
  fields,
  row: ({ name, permissions: held, date_added, date_updated }) => ({
    name,
    permissions: held,
    create_time: date_added,
    update_time: date_updated ?? date_added,
  }),
});
