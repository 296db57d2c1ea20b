import { createHash } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { sql } from "kysely";
import { OWNER_PROFILE_ID } from "../../contract/kinds/kind.ts";
import type { Session } from "../../db/session.ts";
import { failedPrecondition } from "../../errors.ts";
import { type MergePolicy, MergeWinner, type UserMergePlanSchema } from "../../gen/userd/v1/user_merge_pb.ts";
import { findRows } from "./conflicts.ts";
import { type Pair, type ProfilePair, pairsOf } from "./pairs.ts";
import { decisionsOf } from "./policy.ts";

/** A conflict as plans show it. */
type Shown = {
  readonly table: string;
  readonly key: string;
  readonly source: string;
  readonly target: string;
  readonly winner: MergeWinner;
};

/** The most rows of the source that one transaction moves, since others wait for it: of a larger source, rows follow in batches. */
const MAX_ROWS = 10_000;

/** The most rows that may collide: the first transaction decides them all. */
const MAX_COLLISIONS = 10_000;

/** A pair of owners, and the rows of it that lose. */
export type PlannedPair = Pair & {
  readonly count: number;
  /** The ids of the source's rows that lose: those that the target has too, and those whose values differ. */
  readonly equal: readonly string[];
  readonly lost: readonly string[];
  /** The ids of the target's rows that lose. */
  readonly replaced: readonly string[];
  /** Its rows that don't collide follow in batches. */
  readonly isLater: boolean;
};

/** What a merge is going to do. */
export type MergePlan = {
  readonly profiles: readonly ProfilePair[];
  readonly pairs: readonly PlannedPair[];
  readonly message: MessageInitShape<typeof UserMergePlanSchema>;
};

type Count = { before: number; moved: number; kept: number; discarded: number; replaced: number };

const addTo = (counts: Map<string, Count>, table: string, added: Partial<Count>): void => {
  const count = counts.get(table) ?? { before: 0, moved: 0, kept: 0, discarded: 0, replaced: 0 };
  for (const [name, number] of Object.entries(added) as [keyof Count, number][]) count[name] += number;
  counts.set(table, count);
};

const countPair = ({ rule, count, equal, lost, replaced }: PlannedPair): Partial<Count> => {
  if (rule.as === "ends") return { before: count, discarded: count };
  if (rule.as === "stays") return { before: count, kept: count };
  const discarded = equal.length + lost.length;
  return { before: count, discarded, moved: count - discarded, replaced: replaced.length };
};

/** The rows that no pair of owners has: memberships of teams where only the source is a member, and when the source was last seen. */
const countOthers = (session: Session, from: bigint, to: bigint) =>
  session.one(sql<{ teams: number; seen: number; versions: string }>`
    select (select count(*)::int from team_member w join organization_member m on m.id = w.member_id where m.user_id = ${from}
        and not exists (select from organization_member o where o.organization_id = m.organization_id and o.user_id = ${to})) as teams,
      (select count(*)::int from user_activity where user_id = ${from}) as seen,
      (select string_agg(id || '.' || version, ' ' order by id) from (
        select id, version from users where id in (${from}, ${to}) union all select id, version from user_profile where user_id = ${from}
      ) v) as versions`);

/** The tables of users that can have many rows, none of which the user itself depends on. */
const large: ReadonlySet<string> = new Set(["user_option", "user_ip", "account_contact", "resource"]);

/** The most rows of a pair that are moved at once, though the source is large. */
const FEW = 100;

const canFollow = ({ table, column, rule, count, isReference }: Pair & { readonly count: number }): boolean =>
  count > FEW && (rule.as === "rows" || rule.as === "moves") && (large.has(table) || column === OWNER_PROFILE_ID || isReference === true);

/** Profiles that differ in what people write there; the target's stays in any case. */
const profileConflicts = (session: Session, profiles: readonly ProfilePair[]) =>
  session.rows(sql<{ key: string; source: string; target: string }>`
    select s.account_id::text as key, to_jsonb(s)::text as source, to_jsonb(t)::text as target
    from unnest(${profiles.map(({ from }) => String(from))}::bigint[], ${profiles.map(({ to }) => (to === undefined ? null : String(to)))}::bigint[]) w (s, t)
    join user_profile s on s.id = w.s join user_profile t on t.id = w.t order by s.account_id`);

/**
 * Plans the merge of one user into another one. Throws FAILED_PRECONDITION MERGE_TOO_LARGE; INVALID_ARGUMENT FIELD_INVALID for a policy about what
 * is not there.
 */
export const planMerge = async (session: Session, from: bigint, to: bigint, policy: MergePolicy | undefined): Promise<MergePlan> => {
  const { profiles, pairs } = await pairsOf(session, from, to);
  const decisions = decisionsOf(policy);
  const counts = new Map<string, Count>();
  const others = await countOthers(session, from, to);
  // Quiet tables are not in it.
  const digest = createHash("sha256").update(JSON.stringify([String(from), String(to), others.versions]));
  const planned: PlannedPair[] = [];
  const conflicts: Shown[] = [];
  let [total, colliding] = [0, 0];
  for (const pair of pairs) {
    const { count, digest: rows, collisions } = await findRows(session, pair);
    total += count;
    colliding += collisions.length;
    if (colliding > MAX_COLLISIONS)
      throw failedPrecondition("MERGE_TOO_LARGE", `More than ${MAX_COLLISIONS} rows of the users collide: one merge can't decide them.`);
    const [equal, lost, replaced]: [string[], string[], string[]] = [[], [], []];
    for (const collision of collisions) {
      if (collision.is_equal) {
        equal.push(collision.source_id);
        continue;
      }
      const wins = decisions.decide(pair.table, collision);
      if (wins) replaced.push(collision.target_id);
      else lost.push(collision.source_id);
      const { key, source, target } = collision;
      conflicts.push({
        table: pair.table,
        key,
        source: source ?? "",
        target: target ?? "",
        winner: wins ? MergeWinner.SOURCE : MergeWinner.TARGET,
      });
    }
    const one = { ...pair, count, equal, lost, replaced, isLater: false };
    planned.push(one);
    if (count > 0) addTo(counts, pair.table, countPair(one));
    const isQuiet = pair.rule.as === "rows" && pair.rule.isQuiet === true;
    if (!isQuiet)
      digest.update(
        JSON.stringify([pair.table, pair.column, String(pair.from), rows, collisions.map((c) => [c.target_id, c.digest]), replaced]),
      );
  }
  if (others.teams > 0) addTo(counts, "team_member", { before: others.teams, moved: others.teams });
  if (others.seen > 0) addTo(counts, "user_activity", { before: 1, kept: 1 });
  for (const { to: there } of profiles)
    addTo(counts, "user_profile", { before: 1, ...(there === undefined ? { moved: 1 } : { discarded: 1 }) });
  for (const { key, source, target } of await profileConflicts(session, profiles)) {
    digest.update(JSON.stringify([key, source, target]));
    conflicts.push({ table: "user_profile", key, source, target, winner: MergeWinner.TARGET });
  }
  decisions.check(new Set(pairs.flatMap(({ table, rule }) => (rule.as === "rows" ? [table] : []))));
  const byName = [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return {
    profiles,
    pairs: total > MAX_ROWS ? planned.map((pair) => ({ ...pair, isLater: canFollow(pair) })) : planned,
    message: {
      etag: digest.digest("base64url").slice(0, 32),
      counts: byName.map(([table, count]) => ({
        table,
        before: BigInt(count.before),
        moved: BigInt(count.moved),
        kept: BigInt(count.kept),
        discarded: BigInt(count.discarded),
        replaced: BigInt(count.replaced),
      })),
      conflicts: conflicts.toSorted((a, b) => (a.table < b.table ? -1 : a.table > b.table ? 1 : 0)),
    },
  };
};
