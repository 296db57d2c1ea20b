import { answered, ignored, key, type Rule, timeIfSaid, value } from "../rule.ts";
import type { World } from "../world.ts";

/** The id here of what a field names by its column or, in older exports, by its name. */
export const referenceOf = (fields: Readonly<Record<string, unknown>>, noun: "organization" | "project" | "team", { idOf }: World) => {
  const pk = fields[`${noun}_id`] ?? fields[noun];
  return pk === null || pk === undefined ? undefined : idOf(noun, pk);
};

const said = (fields: Readonly<Record<string, unknown>>, noun: string) => (fields[`${noun}_id`] ?? fields[noun] ?? null) !== null;

const sentryUserOption: Rule = {
  model: "sentry.useroption",
  find: async ({ fields }, world) => {
    const id = await world.userOf(fields.user);
    const [project, organization] = (["project", "organization"] as const).map((noun) =>
      said(fields, noun) ? (referenceOf(fields, noun, world) ?? "skipped") : "0",
    );
    const answer = (id === undefined ? [] : await world.answers.options(id)).find(
      (one) => one.key === fields.key && one.projectId === project && one.organizationId === organization,
    );
    return answer === undefined ? undefined : { name: `option ${id} ${project} ${organization} ${String(fields.key)}`, answer };
  },
  fields: { user: key, project_id: key, project: key, organization_id: key, organization: key, key, value: answered("value", value) },
};

const globalOption = (model: string): Rule => ({
  model,
  find: async ({ fields }, { answers }) => {
    const answer = (await answers.scopeOptions("global", "0")).find((one) => one.key === fields.key);
    return answer === undefined ? undefined : { name: `global ${String(fields.key)}`, answer };
  },
  fields: {
    key,
    value: answered("value", value),
    last_updated: answered("updateTime", timeIfSaid, "update_time"),
    last_updated_by: ignored,
  },
});

const scopeOption = (noun: "organization" | "project"): Rule => ({
  model: `sentry.${noun}option`,
  find: async ({ fields }, world) => {
    const id = referenceOf(fields, noun, world);
    const answer = id === undefined ? undefined : (await world.answers.scopeOptions(noun, id)).find((one) => one.key === fields.key);
    return answer === undefined ? undefined : { name: `${noun} ${id} ${String(fields.key)}`, answer };
  },
  fields: { [noun]: key, [`${noun}_id`]: key, key, value: answered("value", value) },
});

/** Options of users, of everybody, of organizations and of projects. */
export const optionRules: readonly Rule[] = [
  sentryUserOption,
  globalOption("sentry.option"),
  globalOption("sentry.controloption"),
  scopeOption("organization"),
  scopeOption("project"),
];
