import { ScopeKind } from "../../options/scope.ts";
import { Unfit } from "../fault.ts";
import { matching, userReference } from "../fields.ts";
import { optionValue } from "../option-value.ts";
import { defineReader } from "../reader.ts";
import { type StagingTable, TEXT, userReferenceColumns } from "../staging.ts";
import { eitherIfAny, reference } from "./organization-staging.ts";

/** The staging table of the options of users in an import file, each of which holds globally, in an organization or in a project. */
export const options = {
  name: "import_option",
  table: "user_option",
  isLeaf: true,
  columns: { ...userReferenceColumns, scope_kind: "smallint", scope_id: "bigint", key: TEXT, value: "jsonb" },
  derived: { user_id: "bigint" },
} as const satisfies StagingTable;

const optionKey = matching(10_000, /^[A-Za-z0-9_.:-]{1,64}$/, "is not 1 to 64 characters of A-Z a-z 0-9 _ . : -");

const scope = (project: bigint | undefined, organization: bigint | undefined) => {
  if (project && organization) throw new Unfit("it names a project and an organization");
  if (project) return { scope_kind: ScopeKind.PROJECT, scope_id: project };
  return organization ? { scope_kind: ScopeKind.ORGANIZATION, scope_id: organization } : { scope_kind: ScopeKind.GLOBAL, scope_id: 0n };
};

const fields = {
  user: userReference,
  key: optionKey,
  value: optionValue,
  project_id: reference,
  project: reference,
  organization_id: reference,
  organization: reference,
};

/** The import reader of `sentry.useroption` records: options of users, each of which holds globally, in an organization or in a project. */
export const sentryUserOption = defineReader({
  model: "sentry.useroption",
  becomes: "an option of a user: everywhere, or in one project or organization",
  into: options,
  fields,
  row: ({ user, key: name, value, project_id, project, organization_id, organization }) => ({
    ...user,
    ...scope(eitherIfAny(project_id, project, "project"), eitherIfAny(organization_id, organization, "organization")),
    key: name,
    value,
  }),
});
