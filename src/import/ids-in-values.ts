import { options } from "./readers/sentry-useroption.ts";
import type { StagingTable } from "./staging.ts";
import type { Kind } from "./steps/kinds.ts";

/** An option whose value lists ids, which an import replaces by the database's. `model` has the option; `of` is the kind of the ids. */
export type IdList = {
  readonly key: string;
  readonly model: string;
  readonly staging: StagingTable;
  readonly of: Kind["noun"];
};

/** The options whose values hold ids. Sentry documents no others: options of organizations and projects are flags, texts, rates, rules. */
export const idLists: readonly IdList[] = [
  { key: "reports:disabled-organizations", model: "sentry.useroption", staging: options, of: "organization" },
];
