import { ScopeKind } from "../../options/scope.ts";
import { FieldFault } from "../fault.ts";
import { key, optional } from "../fields.ts";
import { optionValue } from "../option-value.ts";
import { defineReader } from "../reader.ts";
import { eitherIfAny } from "./organization-staging.ts";
import { scopeOptionKey, scopeOptions } from "./scope-option-staging.ts";

const fields = { organization: optional(key), organization_id: optional(key), key: scopeOptionKey, value: optionValue };

/** The import reader of `sentry.organizationoption` records, which hold the options that an organization gives to all its users. */
export const sentryOrganizationOption = defineReader({
  model: "sentry.organizationoption",
  becomes: "an option of an organization, for all its users",
  into: scopeOptions,
  fields,
  row: ({ organization, organization_id, key: name, value }) => {
    const id = eitherIfAny(organization_id, organization, "organization");
    if (id === undefined) throw new FieldFault("organization is missing");
    return { scope_kind: ScopeKind.ORGANIZATION, scope_id: id, key: name, value };
  },
});
