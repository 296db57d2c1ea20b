import DataLoader from "dataloader";
import { sql } from "kysely";
import type { Call } from "../call.ts";
import type { Database } from "../db/orm.ts";
import type { OptionRow } from "./option.mapping.ts";
import { alive, type OptionOfUser, optionColumns, optionsIn } from "./option.select.ts";
import type { OptionScopes } from "./option-scopes.ts";
import type { OptionKey } from "./stored-option.ts";

/** What one read found: whether there is such a user, and what it has stored. */
export type LoadedOption = { readonly userFound: boolean; readonly row: OptionRow | undefined };

/** Reads single options; the reads of one turn of the event loop share a statement. */
export type OptionLoader = { readonly load: (call: Call, option: OptionKey) => Promise<LoadedOption> };

type Read = OptionKey & { readonly call: Call };

/** Most reads of one statement: enough to spread its cost, few enough that nobody waits for the rest of it. */
const MAX_BATCH = 100;

/** Aborts when the last of the calls has ended: one that is cancelled alone must not take the others along. */
const untilAllEnd = (reads: readonly Read[]): AbortSignal => {
  const [first, ...others] = reads;
  if (first !== undefined && others.length === 0) return first.call.signal;
  const controller = new AbortController();
  let waiting = reads.length;
  const end = () => {
    waiting -= 1;
    if (waiting === 0) controller.abort();
  };
  for (const { call } of reads) {
    if (call.signal.aborted) end();
    else call.signal.addEventListener("abort", end, { once: true });
  }
  return controller.signal;
};

/**
 * Makes the loader. Nothing is kept: a statement is sent after the reads that it answers have begun, so each of them is
 * as strong as if it were alone.
 */
export const createOptionLoader = (db: Database, { live }: OptionScopes): OptionLoader => {
  const readAll = async (reads: readonly Read[]): Promise<LoadedOption[]> => {
    const { rows } = await sql<OptionOfUser & { position: number }>`
      select w.position::int, u.id as found_user, ${optionColumns}
      from unnest(
        ${reads.map(({ userId }) => String(userId))}::bigint[],
        ${reads.map(({ scope }) => scope.kind)}::smallint[],
        ${reads.map(({ scope }) => String(scope.id))}::bigint[],
        ${reads.map(({ key }) => key)}::text[]) with ordinality as w (user_id, scope_kind, scope_id, key, position)
      join users u on u.id = w.user_id
      left join user_option o
        on o.user_id = w.user_id and o.scope_kind = w.scope_kind and o.scope_id = w.scope_id and o.key = w.key and ${alive} and ${live}`.execute(
      db.sql,
      db.abort({ signal: untilAllEnd(reads) }),
    );
    const found: LoadedOption[] = reads.map(() => ({ userFound: false, row: undefined }));
    for (const row of rows) found[row.position - 1] = { userFound: true, row: optionsIn([row])[0] };
    return found;
  };
  const loader = new DataLoader<Read, LoadedOption>(readAll, {
    cache: false,
    maxBatchSize: MAX_BATCH,
    // After the sockets of this turn have been read: what arrives together is read together.
    batchScheduleFn: (send) => void setImmediate(send),
  });
  return { load: (call, option) => loader.load({ ...option, call }) };
};
