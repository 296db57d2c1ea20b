import { ScopeKind } from "../../options/scope.ts";
import { nullAs, optional, time } from "../fields.ts";
import { optionValue } from "../option-value.ts";
import { defineReader } from "../reader.ts";
import { scopeOptionKey, scopeOptions } from "./scope-option-staging.ts";

const reader = (model: string) =>
  defineReader({
    model,
    becomes: "an option for everybody",
    into: scopeOptions,
    fields: { key: scopeOptionKey, value: optionValue, last_updated: optional(nullAs(undefined, time)) },
    notHeld: { last_updated_by: "it says whether a person or a program wrote the option, of which userd keeps no record" },
    row: ({ key, value, last_updated }) => ({ scope_kind: ScopeKind.GLOBAL, scope_id: 0n, key, value, update_time: last_updated }),
  });

/** The import reader of `sentry.option` records, which hold the options of an installation. Each becomes a global option. */
export const sentryOption = reader("sentry.option");

/** The import reader of `sentry.controloption` records, which hold the options of Sentry's control silo. Each becomes a global option. */
export const sentryControlOption = reader("sentry.controloption");
