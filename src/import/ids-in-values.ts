import { options } from "./readers/sentry-useroption.ts";
import type { StagingTable } from "./staging.ts";
import type { Kind } from "./steps/kinds.ts";

/**
 * An option whose value is a list of ids: an import replaces each with the id in the database. Records of `model` hold the option; the ids
 * are those of records of the kind `of`.
 */
export type IdList = {
  readonly key: string;
  readonly model: string;
  readonly staging: StagingTable;
  readonly of: Kind["noun"];
};

/** The options whose values list ids. These are all that Sentry documents: options of organizations and projects hold no ids. */
export const idLists: readonly IdList[] = [
  { key: "reports:disabled-organizations", model: "sentry.useroption", staging: options, of: "organization" },
];
