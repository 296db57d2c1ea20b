import { ScopeKind } from "../../options/scope.ts";
import { FieldFault } from "../fault.ts";
import { key, optional } from "../fields.ts";
import { optionValue } from "../option-value.ts";
import { defineReader } from "../reader.ts";
import { eitherIfAny } from "./organization-staging.ts";
import { scopeOptionKey, scopeOptions } from "./scope-option-staging.ts";

const fields = { project: optional(key), project_id: optional(key), key: scopeOptionKey, value: optionValue };

/** The import reader of `sentry.projectoption` records, which hold the options that a project gives to all its users. */
export const sentryProjectOption = defineReader({
  model: "sentry.projectoption",
  becomes: "an option of a project, for all its users",
  into: scopeOptions,
  fields,
  row: ({ project, project_id, key: name, value }) => {
    const id = eitherIfAny(project_id, project, "project");
    if (id === undefined) throw new FieldFault("project is missing");
    return { scope_kind: ScopeKind.PROJECT, scope_id: id, key: name, value };
  },
});
