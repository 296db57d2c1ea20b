import { invalidField } from "../../errors.ts";
import { type MergePolicy, MergeWinner } from "../../gen/userd/v1/user_merge_pb.ts";
import type { Collision } from "./conflicts.ts";

/** Decides whether the source's row wins where two rows collide whose values differ. */
export type Decide = (table: string, collision: Collision) => boolean;

const keyOf = (table: string, key: string): string => JSON.stringify([table, key]);

/** The decisions of a policy. `check` throws INVALID_ARGUMENT FIELD_INVALID if a rule of it is about no conflict that there is. */
export type Decisions = { readonly decide: Decide; readonly check: (tables: ReadonlySet<string>) => void };

/** Makes the decisions of a policy; without one the target wins. */
export const decisionsOf = (policy: MergePolicy | undefined): Decisions => {
  const { winner = MergeWinner.UNSPECIFIED, tables = [], conflicts = [] } = policy ?? {};
  const byTable = new Map(tables.map((rule) => [rule.table, rule.winner]));
  const byConflict = new Map(conflicts.map((rule) => [keyOf(rule.table, rule.key), rule.winner]));
  const met = new Set<string>();
  return {
    decide: (table, { key, is_newer: isNewer }) => {
      const own = keyOf(table, key);
      met.add(own);
      const chosen = byConflict.get(own) || byTable.get(table) || winner;
      return chosen === MergeWinner.SOURCE || (chosen === MergeWinner.NEWEST && isNewer);
    },
    check: (known) => {
      const table = tables.findIndex((rule) => !known.has(rule.table));
      if (table >= 0) throw invalidField(`policy.tables[${table}].table`, "names no table whose rows can be in conflict");
      const conflict = conflicts.findIndex((rule) => !met.has(keyOf(rule.table, rule.key)));
      if (conflict >= 0) throw invalidField(`policy.conflicts[${conflict}]`, "names no conflict of this merge");
    },
  };
};
