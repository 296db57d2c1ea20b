import { ScopeKind } from "../../options/scope.ts";
import { FieldFault } from "../fault.ts";
import { key, optional } from "../fields.ts";
import { optionValue } from "../option-value.ts";
import { defineReader } from "../reader.ts";
import { scopeOptionKey, scopeOptions } from "./scope-option-staging.ts";

/** `sentry.organizationoption`: the configuration of an organization, for all its users. */
export const sentryOrganizationOption = defineReader({
  model: "sentry.organizationoption",
  becomes: "an option of an organization, for all its users",
  into: scopeOptions,
  fields: { organization: optional(key), organization_id: optional(key), key: scopeOptionKey, value: optionValue },
  row: ({ organization, organization_id, key: name, value }) => {
    const id = organization_id ?? organization;
    if (id === undefined) throw new FieldFault("organization is missing");
    return { scope_kind: ScopeKind.ORGANIZATION, scope_id: id, key: name, value };
  },
});
