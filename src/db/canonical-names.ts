import { sql } from "kysely";
import { canonicalName } from "../names/canonical.ts";
import { canonicalNameAggregate } from "../versions/aggregate.ts";
import type { Session } from "./session.ts";
import type { Tx } from "./transaction.ts";

/** Locks canonical names in ascending order, and raises and returns their versions; RPCs call `lockCanonicalNames` instead, commands this. */
export const moveCanonicalNames = async (
  session: Session,
  canonicalNames: ReadonlySet<string>,
): Promise<readonly { readonly name: string; readonly version: bigint }[]> => {
  if (canonicalNames.size === 0) return [];
  return session.rows(sql<{ name: string; version: bigint }>`
    insert into canonical_name as h (name, version)
    select name, 1 from unnest(${[...canonicalNames].sort()}::text[]) with ordinality as wanted (name, position) order by position
    on conflict (name) do update set version = h.version + 1
    returning h.name, h.version`);
};

/**
 * Locks, until the commit, the canonical forms of the names that a write claims or drops, and raises their versions. Call it once per
 * write, after the aggregates are locked.
 */
export const lockCanonicalNames = async (tx: Tx, names: readonly string[]): Promise<void> => {
  const moved = await moveCanonicalNames(tx, new Set(names.filter((name) => name !== "").map(canonicalName)));
  for (const { name, version } of moved) tx.touch({ ...canonicalNameAggregate(name), version });
};
