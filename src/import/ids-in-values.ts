import { options } from "./readers/sentry-useroption.ts";
import type { StagingTable } from "./staging.ts";
import type { Kind } from "./steps/kinds.ts";

/**
 * An option whose value is a list of ids of organizations, projects, teams or users, as `of` says. An import replaces each id in the list by
 * the id in the database. The option stands in records of the model `model`.
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
