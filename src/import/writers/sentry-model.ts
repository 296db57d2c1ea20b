import type { RawBuilder } from "kysely";
import type { Vault } from "../../secrets/secrets.ts";

/** A row of a table, by the names of the columns that a model asks for. */
export type SentryRow = Readonly<Record<string, unknown>>;

/** What the fields of records depend on besides the row. */
export type SentryContext = { readonly withSecrets: boolean; readonly vault: Vault };

/** A model of Sentry, and the rows `x` of a table whose records it has. */
export type SentryModel = {
  readonly model: string;
  readonly table: string;
  readonly columns: RawBuilder<unknown>;
  readonly joins?: RawBuilder<unknown>;
  readonly where?: RawBuilder<unknown>;
  /** Its records are numbered anew: several models share the table, and nothing refers to them by their keys. */
  readonly isNumbered?: true;
  /** It says nothing without its secrets, so a file without secrets does not have it. */
  readonly isSecret?: true;
  readonly fields: (row: SentryRow, context: SentryContext) => Readonly<Record<string, unknown>>;
};
