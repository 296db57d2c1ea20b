import { sql } from "kysely";
import type { Tx } from "../db/transaction.ts";
import { conflict } from "../errors.ts";
import { type OptionRow, optionEtag } from "./option.mapping.ts";
import { alive, optionColumns } from "./option.select.ts";
import type { Scope } from "./scope.ts";

/** What names one option. */
export type OptionKey = { readonly userId: bigint; readonly scope: Scope; readonly key: string };

/** The option as it is stored now; nothing can change it until the commit, since its user is locked. */
export const storedOption = async (tx: Tx, { userId, scope, key }: OptionKey): Promise<OptionRow | undefined> => {
  const { rows } = await sql<OptionRow>`
    select ${optionColumns} from user_option o
    where o.user_id = ${userId} and o.scope_kind = ${scope.kind} and o.scope_id = ${scope.id} and o.key = ${key} and ${alive}`.execute(
    tx.sql,
    tx.abort,
  );
  return rows[0];
};

/**
 * The change is based on the version that is stored.
 * @throws ABORTED ETAG_MISMATCH, with the current etag in the metadata unless nothing is stored.
 */
export const assertOptionEtag = (row: OptionRow | undefined, etag: string): void => {
  if (etag === "" || (row && optionEtag(row) === etag)) return;
  const message = row ? "The option has changed since." : "There is no such option any more.";
  throw conflict("ETAG_MISMATCH", message, row && { metadata: { etag: optionEtag(row) } });
};
