import { toJsonString } from "@bufbuild/protobuf";
import { type Value, ValueSchema } from "@bufbuild/protobuf/wkt";
import { type OptionLevel, OptionSource, type ResolvedOption } from "../gen/userd/v1/user_option_pb.ts";
import type { ScopeOptions } from "./scope-options.ts";

/** Formats an option's value as JSON on one line, for people; undefined becomes `nothing`. */
export const valueText = (value: Value | undefined): string => (value ? toJsonString(ValueSchema, value) : "nothing");

/** Describes the level that an option's value comes from, in words that can stand behind the value: `"dark", set by the user`. */
export const originOf = ({ source, locked }: Pick<OptionLevel, "source" | "locked">, { project, organization }: ScopeOptions): string => {
  const [inProject, inOrganization] = [`project ${project}`, `organization ${organization}`];
  switch (source) {
    case OptionSource.USER_PROJECT:
      return `set by the user in ${inProject}`;
    case OptionSource.USER_ORGANIZATION:
      return `set by the user in ${inOrganization}`;
    case OptionSource.USER_GLOBAL:
      return "set by the user";
    case OptionSource.PROJECT:
      return locked ? `locked by ${inProject}` : `the default of ${inProject}`;
    case OptionSource.ORGANIZATION:
      return locked ? `locked by ${inOrganization}` : `the default of ${inOrganization}`;
    case OptionSource.GLOBAL:
      return locked ? "locked for everybody" : "everybody's default";
    case OptionSource.DEFINITION:
      return "the definition's default";
    default:
      return "from nowhere";
  }
};

const levelText = (level: OptionLevel, scope: ScopeOptions): string =>
  `${valueText(level.value)}, ${originOf(level, scope)}${level.invalid ? ", though it no longer fits the definition" : ""}`;

/** Explains an option in a sentence: its value, the level that the value comes from, and the values of the levels that this level overrides. */
export const explainOption = ({ key, value, trail }: ResolvedOption, scope: ScopeOptions): string => {
  const [winner, ...others] = trail.map((level) => levelText(level, scope));
  if (winner === undefined) return `${key} has no value: no level has one.`;
  if (valueText(value) !== valueText(trail[0]?.value)) {
    return `${key} is ${valueText(value)}, merged from ${[winner, ...others].join(", over ")}.`;
  }
  const otherwise = others.length === 0 ? "" : `; without that it would be ${others.join(", and then ")}`;
  return `${key} is ${winner}${otherwise}.`;
};
