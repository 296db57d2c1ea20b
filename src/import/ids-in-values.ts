import { options } from "./readers/sentry-useroption.ts";
import type { StagingTable } from "./staging.ts";
import type { Kind } from "./steps/kinds.ts";

/**
 * An option whose value lists the ids of organizations, projects, teams or users (`of`). An import replaces each id in the list by the id
 * in the database. Records of `model` hold the option.
 */
export type IdList = {
  readonly key: string;
  readonly model: string;
  readonly staging: StagingTable;
  readonly of: Kind["noun"];
};

/** All options that Sentry documents as lists of ids. They are options of users: no option of an organization or project lists ids. */
export const idLists: readonly IdList[] = [
  { key: "reports:disabled-organizations", model: "sentry.useroption", staging: options, of: "organization" },
];
