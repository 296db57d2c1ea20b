import { options } from "./readers/sentry-useroption.ts";
import type { StagingTable } from "./staging.ts";
import type { Kind } from "./steps/kinds.ts";

/** An option whose value is a list of ids of one kind. */
export type IdList = {
  readonly key: string;
  readonly model: string;
  /** The table in which the options of the model are staged. */
  readonly staging: StagingTable;
  readonly of: Kind["noun"];
};

/** The options that hold ids. Sentry documents no other one: those of organizations and projects are flags, texts, rates and rules. */
export const idLists: readonly IdList[] = [
  { key: "reports:disabled-organizations", model: "sentry.useroption", staging: options, of: "organization" },
];
