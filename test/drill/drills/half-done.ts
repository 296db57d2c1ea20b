import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { openDatabase } from "../../../src/db/orm.ts";
import { appendToLedger } from "../../../src/lifecycle/erasure/ledger.ts";
import { createReceipts } from "../../../src/lifecycle/erasure/receipts.ts";
import { continueMerges } from "../../../src/lifecycle/merge/continue-merges.ts";
import { createLogger } from "../../../src/telemetry/logger.ts";
import { createAccount, createOrganization, createProfile, createProject, createUser, createUsers, value } from "../../support/build.ts";
import type { Clients } from "../../support/clients.ts";
import type { Fleet, Member } from "../../support/fleet.ts";
import { newDatabase } from "../../support/new-database.ts";
import { runUserd, SECRET_KEY, temporaryFolder } from "../../support/userd.ts";
import type { Drill } from "../drill.ts";
import { clientsOf, commitOf, killCommand, killDuring, type Moment, timesKilled } from "../kill.ts";

const silent = createLogger("fatal", { write: () => {} });

/** Statements of a large merge: in its first transaction, in a batch, and in the last batch. */
const inLargeMerge = ["insert into merge_part", "update merge_part set last_id", "delete from merge_part where id"] as const;

const OPTIONS = 12_000;

/** A merge that is killed: either nothing has happened, or the source is a name of the target, and everything comes to it. */
const killMerge = async (
  { members, databaseUrl }: Fleet,
  client: pg.Client,
  moment: Moment,
  inside?: string,
): Promise<readonly string[]> => {
  const [member] = members as [Member, ...Member[]];
  const own = clientsOf(member);
  const [from, to] = [await createUser(own), await createUser(own)];
  const account = await createAccount(own);
  const profile = await createProfile(own, from.id, account.id);
  await own.profiles.registerResources({ resources: [{ kind: "page", ownerProfileId: profile.id, name: "a" }] });
  const options = inside === undefined ? 10 : OPTIONS;
  await client.query(
    "insert into user_option (user_id, scope_kind, scope_id, key, value) select $1, 0, 0, 'k' || n, '1' from generate_series(1, $2::int) n",
    [String(from.id), options],
  );
  const pair = { fromUserId: from.id, toUserId: to.id };
  const merge = async (clients: Clients) =>
    clients.users.mergeUsers({ ...pair, planEtag: (await clients.users.planUserMerge(pair)).plan?.etag ?? "" }, { timeoutMs: 60_000 });
  const { plan } = await own.users.planUserMerge(pair);
  const request = { ...pair, planEtag: plan?.etag ?? "", requestId: randomUUID() };
  const when = inside === undefined ? commitOf(1, "insert into user_merge") : (chunk: Buffer) => chunk.includes(inside);
  const isAcknowledged = await killDuring(member, when, moment, () => own.users.mergeUsers(request, { timeoutMs: 60_000 }));
  const stateOf = async () => {
    const { rows } = await client.query<{ merged: boolean; source: number; target: number; parts: number; page: number }>(
      `select exists (select from users where id = $1 and merged_into_user_id = $2) as merged,
        (select count(*)::int from user_option where user_id = $1) as source, (select count(*)::int from user_option where user_id = $2) as target,
        (select count(*)::int from merge_part p join user_merge m on m.id = p.merge_id where m.user_id = $1) as parts,
        (select count(*)::int from resource r join user_profile p on p.id = r.owner_profile_id where p.user_id = $2) as page`,
      [String(from.id), String(to.id)],
    );
    return rows[0] ?? { merged: false, source: 0, target: 0, parts: 0, page: 0 };
  };
  const complaints: string[] = [];
  const after = await stateOf();
  if (isAcknowledged && !after.merged) complaints.push("a merge that was acknowledged is lost");
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
  const end = await stateOf();
  if (!end.merged || end.target !== options || end.parts > 0 || end.page !== 1) complaints.push("a merge did not go on after the kill");
  return complaints;
};

const { subjectOf, receiptOf } = createReceipts(Buffer.from(SECRET_KEY, "base64"), undefined);

/** Users who are half there, and those without exactly one receipt who are gone. */
const wronglyErased = async (client: pg.Client, ids: readonly bigint[]): Promise<{ readonly wrong: number; readonly left: number }> => {
  let [wrong, left] = [0, 0];
  for (const id of ids) {
    const { rows } = await client.query<{ users: number; emails: number; options: number; receipts: number }>(
      `select (select count(*)::int from users where id = $1) as users, (select count(*)::int from user_email where user_id = $1) as emails,
        (select count(*)::int from user_option where user_id = $1) as options, (select count(*)::int from erasure where subject = $2) as receipts`,
      [String(id), subjectOf({ kind: "user", id })],
    );
    const row = rows[0] ?? { users: 0, emails: 0, options: 0, receipts: 0 };
    left += row.users;
    if (new Set([row.users, row.emails, row.options, 1 - row.receipts]).size !== 1) wrong += 1;
  }
  return { wrong, left };
};

const killPurge = async ({ members: [member] }: Fleet, client: pg.Client, moment: Moment): Promise<readonly string[]> => {
  if (member === undefined) throw new Error("The fleet has no members.");
  const own = clientsOf(member);
  const user = await createUser(own);
  await own.options.setOption({ userId: user.id, key: "k", value: value(1) });
  const isAcknowledged = await killDuring(member, commitOf(1, "insert into erasure"), moment, () =>
    own.users.purgeUser({ id: user.id, requestId: randomUUID() }),
  );
  const { wrong, left } = await wronglyErased(client, [user.id]);
  if (left > 0) await clientsOf(member).users.purgeUser({ id: user.id });
  const end = await wronglyErased(client, [user.id]);
  return [
    ...(wrong + end.wrong > 0 ? ["a user is half erased"] : []),
    ...(isAcknowledged && left > 0 ? ["an erasure that was acknowledged is lost"] : []),
    ...(end.left > 0 ? ["a purge did not go on after the kill"] : []),
  ];
};

/** A purge of an organization that is killed: all of it is there and has no receipt, or nothing of it is left and has one. */
const killOrganizationPurge = async ({ members: [member] }: Fleet, client: pg.Client, moment: Moment): Promise<readonly string[]> => {
  if (member === undefined) throw new Error("The fleet has no members.");
  // A statement's text goes over the wire once for each connection: one that has purged before would not show it.
  member.service().process.kill("SIGKILL");
  await member.replace();
  const own = clientsOf(member);
  const user = await createUser(own);
  const { id } = await createOrganization(own, {}, user.id);
  await createProject(own, id);
  await own.options.setOption({ userId: user.id, organizationId: id, key: "k", value: value(1) });
  const stateOf = async (): Promise<readonly number[]> => {
    const { rows } = await client.query<{ state: number[] }>(
      `select array[(select count(*)::int from organization where id = $1), (select count(*)::int from project where organization_id = $1),
        (select count(*)::int from organization_member where organization_id = $1),
        (select count(*)::int from user_option where scope_kind = 1 and scope_id = $1),
        (select 1 - count(*)::int from erasure where subject = $2)] as state`,
      [String(id), subjectOf({ kind: "organization", id })],
    );
    return rows[0]?.state ?? [];
  };
  const purge = (clients: Clients) => clients.organizations.purgeOrganization({ id, requestId: randomUUID() });
  const isAcknowledged = await killDuring(member, commitOf(1, "insert into erasure"), moment, () => purge(own));
  const after = await stateOf();
  const isLeft = after[0] === 1;
  if (isLeft) await purge(clientsOf(member));
  return [
    ...(new Set(after).size === 1 ? [] : [`an organization is half erased: ${after.join(", ")}`]),
    ...(isAcknowledged && isLeft ? ["an erasure of an organization that was acknowledged is lost"] : []),
    ...((await stateOf()).some((count) => count !== 0) ? ["a purge of an organization did not go on after the kill"] : []),
  ];
};

const killReplay = async (
  { members: [member], databaseUrl }: Fleet,
  client: pg.Client,
  moment: Moment,
  nth: number,
): Promise<readonly string[]> => {
  if (member === undefined) throw new Error("The fleet has no members.");
  await using folder = await temporaryFolder();
  const ledger = join(folder.path, "ledger");
  const users = await createUsers(clientsOf(member), 120);
  const ids = users.map(({ id }) => id);
  await client.query(
    "insert into user_option (user_id, scope_kind, scope_id, key, value) select id, 0, 0, 'k', '1' from unnest($1::bigint[]) id",
    [ids.map(String)],
  );
  await appendToLedger(
    ledger,
    ids.map((id) => receiptOf({ kind: "user", id }, new Date(), { tables: {}, later: [] })),
  );
  const args = ["purge", "--replay", "--ledger", ledger];
  await killCommand(args, databaseUrl, commitOf(nth), moment);
  const { wrong, left } = await wronglyErased(client, ids);
  const again = await runUserd(args, { settings: { DATABASE_URL: databaseUrl } });
  const end = await wronglyErased(client, ids);
  return [
    ...(wrong + end.wrong > 0 ? ["users are half erased by a batch"] : []),
    ...(again.code !== 0 || end.left > 0 ? [`a replay did not go on after the kill: ${end.left} of ${left} users are left`] : []),
  ];
};

const usersIn = async (url: string): Promise<number> => {
  const client = new pg.Client(url);
  await client.connect();
  const { rows } = await client
    .query<{ count: number }>("select count(*)::int as count from users")
    .catch(() => ({ rows: [{ count: 0 }] }));
  await client.end();
  return rows[0]?.count ?? 0;
};

/** An export and imports of it that are killed: a file that is cut off is refused, and an import is whole or nothing. */
const killExport = async (fleet: Fleet, postgresUrl: string, moment: Moment, nth: number): Promise<readonly string[]> => {
  await using folder = await temporaryFolder();
  const [torn, whole] = [join(folder.path, "torn"), join(folder.path, "whole")];
  const complaints: string[] = [];
  const isNth = () => {
    let seen = 0;
    return (chunk: Buffer) => chunk.includes("fetch 5000 from part") && ++seen === nth;
  };
  await killCommand(["export", "--all", "--secrets", "-o", torn], fleet.databaseUrl, isNth(), moment);
  const exported = await runUserd(["export", "--all", "--secrets", "-o", whole], { settings: { DATABASE_URL: fleet.databaseUrl } });
  if (exported.code !== 0) complaints.push(`an export did not go on after the kill: ${exported.stderr.slice(-200)}`);
  await using target = await newDatabase(postgresUrl, "userd_torn");
  const settings = { DATABASE_URL: target.url };
  const refused = await runUserd(["import", "--into-empty", torn], { settings });
  if (refused.code !== 2 || (await usersIn(target.url)) > 0) complaints.push("a file that was cut off was not refused");
  const args = ["import", "--into-empty", whole];
  const first = 'insert into "users"';
  await killCommand(args, target.url, nth > 1 ? (chunk) => chunk.includes(first) : commitOf(1, first), moment);
  const [total, stored] = [await usersIn(fleet.databaseUrl), await usersIn(target.url)];
  if (stored !== 0 && stored !== total) complaints.push(`an import that was killed has stored ${stored} of ${total} users`);
  const { code } = await runUserd(args, { settings });
  if (code !== (stored === 0 ? 0 : 2) || (await usersIn(target.url)) !== total)
    complaints.push(`an import did not go on after the kill: ${code}`);
  await rm(whole);
  return complaints;
};

/** Merges, purges, exports and imports are killed at each of their failpoints. */
export const halfDone: Drill = {
  rows: [11],
  name: "half-done",
  about:
    "kill -9 before and after each commit of merges, large ones in their middle too, of purges of users and organizations and their batches, of exports and imports of these; counts what is half done, lost, or does not go on",
  run: async ({ of, fleet, postgresUrl }) => {
    const times = of(1, 20);
    const running = await fleet({ size: 1 });
    const client = new pg.Client(running.databaseUrl);
    await client.connect();
    const complaints: string[] = [];
    const done: Record<string, number> = {};
    const moments = ["before", "after"] as const;
    for (let time = 0; time < times; time += 1) {
      for (const moment of moments) {
        const points: Readonly<Record<string, () => Promise<readonly string[]>>> = {
          merge: () => killMerge(running, client, moment),
          large_merge: () => killMerge(running, client, moment, inLargeMerge[time % inLargeMerge.length]),
          purge: () => killPurge(running, client, moment),
          purge_organization: () => killOrganizationPurge(running, client, moment),
          purge_batch: () => killReplay(running, client, moment, 1 + (time % 3)),
          export_import: () => killExport(running, postgresUrl, moment, 1 + (time % 3)),
        };
        for (const [name, run] of Object.entries(points)) {
          const before = timesKilled();
          complaints.push(...(await run()).map((complaint) => `${name}, ${moment}: ${complaint}`));
          done[name] = (done[name] ?? 0) + 1;
          const missed = (name === "export_import" ? 2 : 1) - (timesKilled() - before);
          if (missed > 0) complaints.push(`${name}, ${moment}: a process was not killed where it was meant to be`);
        }
      }
    }
    await client.end();
    // An export and its import are killed each.
    const faults = Object.values(done).reduce((sum, count) => sum + count, done["export_import"] ?? 0);
    return { operations: faults, faults, figure: complaints.length, bound: 0, complaints, besides: { ...done, killed: timesKilled() } };
  },
};
