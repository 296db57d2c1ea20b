import { type RawBuilder, sql } from "kysely";
import { canonicalName } from "../names/canonical.ts";
import { digestAggregate, nameDigest } from "../versions/aggregate.ts";
import type { Session } from "./session.ts";
import type { Tx } from "./write.ts";

/** Makes the SQL of the digest of a canonical name, as `nameDigest` makes it. */
export const sqlNameDigest = (name: RawBuilder<unknown>): RawBuilder<string> =>
  sql<string>`left(encode(sha256(convert_to(${name}, 'UTF8')), 'hex'), 32)`;

/** Locks canonical names in ascending order, and raises and returns their versions; RPCs call `lockCanonicalNames` instead, commands this. */
export const moveCanonicalNames = async (
  session: Session,
  canonicalNames: ReadonlySet<string>,
): Promise<readonly { readonly digest: string; readonly version: bigint }[]> => {
  if (canonicalNames.size === 0) return [];
  const digests = [...canonicalNames].sort().map(nameDigest);
  return session.rows(sql<{ digest: string; version: bigint }>`
    insert into name_version as v (digest, version)
    select digest, 1 from unnest(${digests}::text[]) with ordinality as wanted (digest, position) order by position
    on conflict (digest) do update set version = v.version + 1
    returning v.digest, v.version`);
};

/**
 * Locks, until the commit, the canonical forms of the names that a write claims or drops, and raises their versions. Call it once per
 * write, after the aggregates are locked.
 */
export const lockCanonicalNames = async (tx: Tx, names: readonly string[]): Promise<void> => {
  const moved = await moveCanonicalNames(tx, new Set(names.filter((name) => name !== "").map(canonicalName)));
  for (const { digest, version } of moved) tx.touch({ ...digestAggregate(digest), version });
};

/** Removes the names in clear by which instances of the version before know versions, and returns their number. */
export const removeNamesInClear = async (session: Session): Promise<number> => {
  const { removed } = await session.one(sql<{ removed: number }>`
    with gone as (delete from canonical_name returning 1) select count(*)::int as removed from gone`);
  return removed;
};
