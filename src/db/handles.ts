import { sql } from "kysely";
import { canonicalName } from "../names/canonical.ts";
import { handleSubject } from "../versions/subject.ts";
import type { Session } from "./session.ts";
import type { Tx } from "./transaction.ts";

/** The form in which usernames and addresses are compared, and what is searched for: the canonical name. */
export const handleOf = canonicalName;

/** Locks handles, in ascending order, and moves their versions. */
export const moveHandles = async (
  session: Session,
  handles: ReadonlySet<string>,
): Promise<readonly { readonly name: string; readonly version: bigint }[]> => {
  if (handles.size === 0) return [];
  return session.rows(sql<{ name: string; version: bigint }>`
    insert into handle as h (name, version)
    select name, 1 from unnest(${[...handles].sort()}::text[]) with ordinality as wanted (name, position) order by position
    on conflict (name) do update set version = h.version + 1
    returning h.name, h.version`);
};

/**
 * Locks the handles of names that a write claims or drops, and moves their versions. Rules across usernames and addresses
 * hold from here to the commit. Called once per write, after the subjects are locked.
 */
export const lockHandles = async (tx: Tx, names: readonly string[]): Promise<void> => {
  const moved = await moveHandles(tx, new Set(names.filter((name) => name !== "").map(handleOf)));
  for (const { name, version } of moved) tx.touch({ ...handleSubject(name), version });
};
