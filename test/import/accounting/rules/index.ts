import type { Rule } from "../rule.ts";
import { accountRules } from "./accounts.ts";
import { djangoRules } from "./django.ts";
import { kindRules } from "./kinds.ts";
import { linkRules } from "./links.ts";
import { optionRules } from "./options.ts";
import { organizationRules } from "./organizations.ts";
import { ownLineRules } from "./own-lines.ts";
import { userRules } from "./users.ts";

/** The rule of each model. */
export const rules: ReadonlyMap<string, Rule> = new Map(
  [...userRules, ...optionRules, ...organizationRules, ...linkRules, ...djangoRules, ...accountRules, ...ownLineRules, ...kindRules].map(
    (rule) => [rule.model, rule],
  ),
);
