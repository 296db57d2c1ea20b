import pg from "pg";
import { AuditOperation } from "../../../src/gen/userd/v1/audit_entry_pb.ts";
import { createUsers } from "../../support/build.ts";
import { hasRedis } from "../../support/redis.ts";
import type { Drill } from "../drill.ts";
import { putUnderFaults } from "../faults.ts";
import { judge } from "../judge.ts";
import { judgeAudit } from "../judge-audit.ts";
import { judgeFeed } from "../judge-feed.ts";
import { startTransactions } from "../transactions.ts";
import { startWatching, type Wish } from "../watchers.ts";
import { startWriters } from "../writers.ts";

const wishesOf = (users: readonly bigint[], total: number): readonly Wish[] => {
  const [one = 0n] = users;
  const aggregates = new Set(users.slice(0, 4).map((id) => `user/${id}`));
  const all: readonly Wish[] = [
    { filter: {}, matches: () => true },
    { filter: { userIds: [one] }, matches: ({ aggregate }) => aggregate === `user/${one}` },
    { filter: { userIds: users.slice(0, 4) }, matches: ({ aggregate }) => aggregates.has(aggregate) },
    { filter: { kinds: ["account"] }, matches: ({ kind }) => kind === "account" },
    { filter: { optionKeys: ["n"] }, matches: ({ kind, key }) => kind === "user_option" && key.endsWith("/n") },
    { filter: { operations: [AuditOperation.INSERT] }, matches: ({ operation }) => operation === "insert" },
    { filter: { aggregateKinds: ["user"] }, matches: ({ aggregate }) => aggregate.startsWith("user/") },
  ];
  return Array.from({ length: total }, (_, index): Wish => {
    const id = users[index % users.length] ?? 0n;
    return (
      all[index] ?? {
        filter: { userIds: [id], kinds: ["user_option"] },
        matches: (told) => told.kind === "user_option" && told.aggregate === `user/${id}`,
      }
    );
  });
};

/** Watchers of three services miss nothing while services and watchers are killed. */
export const feed: Drill = {
  rows: [33, 16],
  name: "feed",
  about:
    "20 watchers with different filters over three services, 8 writers, kill -9 of services and watchers, Redis flushed and stopped; counts changes that a watcher missed, and entries of the audit log that nobody has committed, or that are missing",
  isInShort: true,
  lacks: () => (hasRedis ? undefined : "redis-server"),
  lastsForSomeTime: true,
  run: async ({ fleet, of, lasts, random }) => {
    const running = await fleet({ withRedis: true, settings: { AUDIT_CHAIN: "true" } });
    const { members, databaseUrl } = running;
    const alive = () => members.map((member) => member.clients()).filter((clients) => clients !== undefined);
    const [first] = alive();
    if (first === undefined) throw new Error("The fleet has not started.");
    const users = (await createUsers(first, 8)).map(({ id }) => id);
    const { head } = await first.changes.getFeedPosition({});
    const client = new pg.Client(databaseUrl);
    await client.connect();
    const { rows: last } = await client.query<{ id: string }>("select max(id) as id from changes");
    await client.end();
    const watchers = wishesOf(users, of(8, 20)).map((wish) => startWatching(alive, wish, head, random));
    const writers = await startWriters(running, random, 5);
    const transactions = startTransactions(databaseUrl, users, random, { writers: 3, keys: 5, pauseMs: () => random.below(22) });
    const killWatchers = async () => {
      for (const watcher of watchers) if (random.chance(0.3)) watcher.kill();
    };
    const faults = await putUnderFaults(running, random, {
      forMs: lasts(6_000, 300_000),
      pauseMs: of(300, 1_500),
      hangMs: of(500, 2_500),
      ofClients: { watcher_kills: killWatchers },
    });
    await transactions.stop();
    const written = await writers.stop();
    const after = BigInt(last[0]?.id ?? 0);
    // Everything has its position by the answer.
    await Promise.all(alive().map((clients) => clients.changes.getFeedPosition({})));
    const { told, complaints, misplaced } = await judgeFeed(databaseUrl, after);
    let missed = 0;
    let expected = 0;
    for (const { wish, received, reach } of watchers) {
      const wanted = told.filter(wish.matches);
      expected += wanted.length;
      await reach((all) => wanted.every(({ id }) => all.has(id)));
      const missing = wanted.filter(({ id }) => !received.has(id));
      missed += missing.length;
      if (missing.length > 0)
        complaints.push(
          `the watcher of ${JSON.stringify(wish.filter, (_, one) => (typeof one === "bigint" ? String(one) : one))} missed ${missing.length} of ${wanted.length}`,
        );
    }
    for (const watcher of watchers) await watcher.stop();
    complaints.push(...watchers.flatMap((watcher) => watcher.complaints), ...written.complaints);
    const { lost, doubled, unaudited, complaints: ofJudge } = await judge(databaseUrl, written, writers.prefix, transactions.committed);
    const audit = await judgeAudit(databaseUrl, after, written, transactions, random);
    complaints.push(...ofJudge, ...audit.complaints);
    return {
      operations: expected,
      faults: Object.values(faults).reduce((sum, count) => sum + count, 0),
      figure: missed + misplaced + lost + doubled + unaudited + audit.complaints.length,
      bound: 0,
      complaints,
      besides: {
        changes: told.length,
        ...transactions.done,
        streams: watchers.reduce((sum, { opened }) => sum + opened(), 0),
        writes: written.acknowledged,
        committed_changes: audit.committed,
        audit_entries: audit.entries,
        verified_entries: audit.verified,
        ...faults,
      },
    };
  },
};
