import { randomUUID } from "node:crypto";
import type pg from "pg";
import { openDatabase } from "../../../src/db/orm.ts";
import { continueMerges } from "../../../src/lifecycle/merge/continue-merges.ts";
import { createLogger } from "../../../src/telemetry/logger.ts";
import { createAccount, createProfile, createUser } from "../../support/build.ts";
import type { Clients } from "../../support/clients.ts";
import { clientsOf, commitOf, killDuring, type PickChunk } from "../kill.ts";
import { type Failpoint, patient } from "./failpoint.ts";

const silent = createLogger("fatal", { write: () => {} });

/** Statements of a large merge: in its first transaction, in a batch, and in the last batch. */
const inLargeMerge = ["insert into merge_part", "update merge_part set last_id", "delete from merge_part where id"] as const;

/** The state of a merge: whether it is decided, the options of both users, what is yet to move, and whether the target has the page. */
type State = { readonly merged: boolean; readonly source: number; readonly target: number; readonly parts: number; readonly page: number };

const stateOf = async (client: pg.Client, from: bigint, to: bigint): Promise<State> => {
  const { rows } = await client.query<State>(
    `select exists (select from users where id = $1 and merged_into_user_id = $2) as merged,
      (select count(*)::int from user_option where user_id = $1) as source, (select count(*)::int from user_option where user_id = $2) as target,
      (select count(*)::int from merge_part p join user_merge m on m.id = p.merge_id where m.user_id = $1) as parts,
      (select count(*)::int from resource r join user_profile p on p.id = r.owner_profile_id where p.user_id = $2) as page`,
    [String(from), String(to)],
  );
  return rows[0] ?? { merged: false, source: 0, target: 0, parts: 0, page: 0 };
};

/** Makes two users, the first with options and a page of a profile. */
const createPair = async (own: Clients, client: pg.Client, options: number) => {
  const [from, to] = [await createUser(own), await createUser(own)];
  const account = await createAccount(own);
  const profile = await createProfile(own, from.id, account.id);
  await own.profiles.registerResources({ resources: [{ kind: "page", ownerProfileId: profile.id, name: "a" }] });
  await client.query(
    "insert into user_option (user_id, scope_kind, scope_id, key, value) select $1, 0, 0, 'k' || n, '1' from generate_series(1, $2::int) n",
    [String(from.id), options],
  );
  return { fromUserId: from.id, toUserId: to.id };
};

/** Tries a merge that is killed at a chunk: either nothing has happened, or the source is a name of the target, and everything comes to it. */
const tryMerge =
  (options: number, chunkOf: (time: number) => PickChunk): Failpoint =>
  async ({ member, databaseUrl, client }, moment, time) => {
    const own = clientsOf(member);
    const pair = await createPair(own, client, options);
    const state = () => stateOf(client, pair.fromUserId, pair.toUserId);
    const merge = async ({ users }: Clients) => {
      const { plan } = await users.planUserMerge(pair, patient);
      return users.mergeUsers({ ...pair, planEtag: plan?.etag ?? "", requestId: randomUUID() }, patient);
    };
    const killed = await killDuring(member, chunkOf(time), moment, () => merge(own));
    const complaints: string[] = [];
    const after = await state();
    if (killed.isAcknowledged && !after.merged) complaints.push("a merge that was acknowledged is lost");
    if (after.source + after.target !== options) complaints.push(`a merge has ${after.source + after.target} of ${options} options`);
    if (!after.merged && (after.source !== options || after.page !== 0 || after.parts > 0))
      complaints.push("a merge that was not done has moved something");
    if (after.merged && after.parts === 0 && (after.source > 0 || after.page !== 1))
      complaints.push("a merge that is done has left something");
    if (!after.merged) await merge(clientsOf(member));
    else if (after.parts > 0) {
      await using db = await openDatabase({ database: { kind: "postgres", url: databaseUrl }, poolSize: 2 }, silent);
      await continueMerges(db, new AbortController().signal);
    }
    const end = await state();
    if (!end.merged || end.target !== options || end.parts > 0 || end.page !== 1) complaints.push("a merge did not go on after the kill");
    return { kills: [killed], complaints };
  };

/** A merge that is killed at its commit. */
export const merge: Failpoint = tryMerge(10, () => commitOf(1, "/MergeUsers"));

/** A merge in several transactions that is killed in the first one, in one in between, or in the last one. */
export const largeMerge: Failpoint = tryMerge(12_000, (time) => (chunk) => chunk.includes(inLargeMerge[time % inLargeMerge.length] ?? ""));
