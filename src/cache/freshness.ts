import { sql } from "kysely";
import type { Call } from "../call.ts";
import type { Database } from "../db/orm.ts";
import { invalidField } from "../errors.ts";
import type { Consistency } from "../gen/users/v1/consistency_pb.ts";
import type { ConsistencyTokens } from "./token.ts";

/** Checks what a read asks of the freshness of its answer; to be called before the read. */
export type Freshness = {
  readonly check: (call: Call, consistency: Consistency | undefined) => Promise<void> | undefined;
};

const FIELD = "consistency.at_least_as_fresh";

/**
 * Every read is strong as long as nothing is cached, so every mode is satisfied; what remains is to refuse a token that
 * nobody here has issued. A token of an older epoch says nothing about this one and is ignored.
 */
export const createFreshness = (db: Database, tokens: ConsistencyTokens): Freshness => {
  const refuseFuture = async (call: Call, text: string): Promise<void> => {
    const token = tokens.read(text);
    if (token === undefined) throw invalidField(FIELD, "is not a token of this service", "TOKEN_INVALID");
    const { rows } = await sql<{ epoch: string; behind: boolean }>`
      select current_epoch() as epoch, exists (
        select from unnest(
          ${token.subjects.map(({ kind }) => kind)}::text[],
          ${token.subjects.map(({ id }) => String(id))}::bigint[],
          ${token.subjects.map(({ version }) => String(version))}::bigint[]
        ) as t (kind, id, version)
        left join subject_version s on s.kind = t.kind and s.id = t.id
        where coalesce(s.version, 0) < t.version
      ) as behind`.execute(db.sql, db.abort(call));
    const [row] = rows;
    if (row?.epoch === token.epoch && row.behind) {
      throw invalidField(FIELD, "is newer than the database", "TOKEN_INVALID");
    }
  };
  return {
    check: (call, consistency) => (consistency?.mode.case === "atLeastAsFresh" ? refuseFuture(call, consistency.mode.value) : undefined),
  };
};
