import { sql } from "kysely";
import type { Session } from "../db/session.ts";
import { type DomainError, exhausted } from "../errors.ts";

/** Makes the error for a profile that would have more resources than the quota allows. */
export const tooManyResources = (limit: number, used: number): DomainError =>
  exhausted("QUOTA_EXCEEDED", `The profile has ${used} resources already; the quota QUOTA_RESOURCES_PER_PROFILE is ${limit}.`, {
    metadata: { quota: "QUOTA_RESOURCES_PER_PROFILE", limit: String(limit), used: String(used) },
  });

/** Counts resources, up to `limit` + 1 per profile, as a map keyed by profile id. Lock the profiles' accounts first, or counts may change. */
export const countResources = async (session: Session, profiles: readonly bigint[], limit: number): Promise<Map<bigint, number>> => {
  const wanted = [...new Set(profiles)];
  if (wanted.length === 0) return new Map();
  const rows = await session.rows(sql<{ id: bigint; count: number }>`
    select w.id, (select count(*) from (select from resource r where r.owner_profile_id = w.id limit ${limit + 1}) counted)::int as count
    from unnest(${wanted.map(String)}::bigint[]) as w (id)`);
  return new Map(rows.map(({ id, count }) => [id, count]));
};
