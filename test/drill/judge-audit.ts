import pg from "pg";
import type { Random } from "../fuzz/random.ts";
import { runUserd } from "../support/userd.ts";
import type { Transactions } from "./transactions.ts";
import type { Written } from "./writers.ts";

/** What the change log has to tell of a run, and what is wrong with it. */
export type AuditVerdict = {
  /** The changes that writers know to be committed, and those of writes that were never answered and are there. */
  readonly committed: number;
  /** The entries of the log. */
  readonly entries: number;
  /** The entries that `userd audit verify` has compared with their chain. */
  readonly verified: number;
  readonly complaints: readonly string[];
};

type Entry = { readonly id: bigint; readonly requestId: string; readonly text: string };

/** The users themselves, with their addresses, are made before writers begin, by nobody whose word is kept. */
const entriesBehind = async (client: pg.Client, after: bigint): Promise<readonly Entry[]> => {
  const { rows } = await client.query<{ id: string; request_id: string | null; text: string }>(
    `select id, request_id, kind || ' ' || aggregate_kind || '/' || aggregate_id || ' ' || key as text
      from changes where id > $1 and kind not in ('users', 'user_email')`,
    [String(after)],
  );
  return rows.map(({ id, request_id, text }) => ({ id: BigInt(id), requestId: request_id ?? "", text }));
};

const verify = async (databaseUrl: string) => {
  const { code, stdout, stderr } = await runUserd(["audit", "verify", "--json"], { settings: { DATABASE_URL: databaseUrl } });
  if (stdout === "") throw new Error(`userd audit verify ended with ${code}: ${stderr}`);
  const { entries, broken } = JSON.parse(stdout) as { entries: number; broken?: { position: string; why: string } };
  return { code, entries, broken };
};

/** The options of which the log tells another number of changes than their version counts. */
const miscounted = `
  select count(*)::int as count from user_option o
  full join (select aggregate_id, key, count(*) as changes from changes where kind = 'user_option' group by 1, 2) c
    on c.aggregate_id = o.user_id and c.key = concat_ws('/', o.scope_kind, o.scope_id, o.key)
  where c.changes is distinct from o.version`;

/**
 * Holds the entries behind an id against what was committed, both ways: each committed change has its one entry, and each entry its committed
 * change. Then changes one entry as the owner of the database can, and lets `userd audit verify` find it.
 */
export const judgeAudit = async (
  databaseUrl: string,
  after: bigint,
  written: Written,
  { committed, undone }: Transactions,
  random: Random,
): Promise<AuditVerdict> => {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    const complaints: string[] = [];
    const entries = await entriesBehind(client, after);
    const byRequest = new Map<string, string[]>();
    for (const { requestId, text } of entries) byRequest.set(requestId, [...(byRequest.get(requestId) ?? []), text]);
    let expected = 0;
    const take = (requestId: string): readonly string[] => {
      const found = byRequest.get(requestId) ?? [];
      byRequest.delete(requestId);
      return found;
    };
    for (const { requestId, changes } of committed) {
      const wanted = changes.map(({ userId, key }) => `user_option user/${userId} 0/0/${key}`);
      expected += wanted.length;
      const found = take(requestId);
      if (found.toSorted().join() !== wanted.toSorted().join())
        complaints.push(`of a transaction over ${wanted.join(", ")} the log has ${found.join(", ") || "nothing"}`);
    }
    for (const requestId of undone) {
      const found = take(requestId);
      if (found.length > 0) complaints.push(`a transaction came to nothing, but the log has ${found.join(", ")}`);
    }
    for (const requestId of written.requestIds) {
      const found = take(requestId);
      const isDue = written.acknowledgedIds.has(requestId);
      // Nobody knows what became of a write that was never answered.
      expected += isDue ? 1 : found.length;
      if (found.length > 1 || (isDue && found.length === 0)) complaints.push(`a write has ${found.length} entries in the log`);
    }
    for (const found of byRequest.values()) complaints.push(`nobody has committed ${found.join(", ")}, which the log has`);
    const { rows: counted } = await client.query<{ count: number }>(miscounted);
    if (counted[0]?.count !== 0) complaints.push(`${counted[0]?.count} options have another number of entries than their version counts`);

    const whole = await verify(databaseUrl);
    const { rows: placed } = await client.query<{ count: number }>(
      "select count(*)::int as count from changes c join feed f on f.change_id = c.id",
    );
    if (whole.code !== 0 || whole.broken !== undefined) complaints.push(`audit verify found fault with ${JSON.stringify(whole.broken)}`);
    if (whole.entries !== placed[0]?.count) complaints.push(`audit verify compared ${whole.entries} of ${placed[0]?.count} entries`);
    const changed = entries[random.below(entries.length)];
    if (changed !== undefined) {
      // A session of the owner that runs no triggers.
      await client.query("set session_replication_role = replica");
      await client.query("update changes set caller = 'nobody' where id = $1", [String(changed.id)]);
      const { rows } = await client.query<{ position: string }>("select position from feed where change_id = $1", [String(changed.id)]);
      const { code, broken } = await verify(databaseUrl);
      if (code !== 1 || broken?.position !== rows[0]?.position)
        complaints.push(
          `entry ${changed.id} at ${rows[0]?.position} was changed, and audit verify ended with ${code} at ${broken?.position}`,
        );
    }
    return { committed: expected, entries: entries.length, verified: whole.entries, complaints };
  } finally {
    await client.end();
  }
};
