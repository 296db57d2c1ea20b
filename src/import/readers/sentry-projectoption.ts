import { ScopeKind } from "../../options/scope.ts";
import { FieldFault } from "../fault.ts";
import { key, optional } from "../fields.ts";
import { optionValue } from "../option-value.ts";
import { defineReader } from "../reader.ts";
import { scopeOptionKey, scopeOptions } from "./scope-option-staging.ts";

/** `sentry.projectoption`: the configuration of a project, for all its users. */
export const sentryProjectOption = defineReader({
  model: "sentry.projectoption",
  becomes: "an option of a project, for all its users",
  into: scopeOptions,
  fields: { project: optional(key), project_id: optional(key), key: scopeOptionKey, value: optionValue },
  row: ({ project, project_id, key: name, value }) => {
    const id = project_id ?? project;
    if (id === undefined) throw new FieldFault("project is missing");
    return { scope_kind: ScopeKind.PROJECT, scope_id: id, key: name, value };
  },
});
