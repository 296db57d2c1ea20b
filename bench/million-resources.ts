// node bench/million-resources.ts: what pages of ListResources cost among a million resources, as EXPLAIN sees it, on a
// private PostgreSQL (or that of DATABASE_URL_TEST).
import pg from "pg";
import { pino } from "pino";
import { createAccessAccounts, createAccessUsers } from "../src/access/access.lookup.ts";
import { createAccess } from "../src/access/access.ts";
import { ownersOf, type Scope } from "../src/access/policy.ts";
import { createCache } from "../src/cache/cache.ts";
import { processClock } from "../src/cache/process-clock.ts";
import { withinBound } from "../src/cache/read-consistency.ts";
import { migrate } from "../src/db/migrate.ts";
import { openDatabase } from "../src/db/orm.ts";
import { AccessRelation } from "../src/gen/userd/v1/access_relation_pb.ts";
import { ProfileService } from "../src/gen/userd/v1/profile_service_pb.ts";
import { listResources } from "../src/resources/list-resources.ts";
import { formatTable } from "../src/table.ts";
import { newDatabase } from "../test/support/new-database.ts";
import { startPostgres } from "../test/support/postgres.ts";
import { call, explain, freshness, pagerAfter, statementOf } from "./explain.ts";
import { askers, kind, loadResources } from "./generator/resources.ts";

const PAGE = 50;
const method = ProfileService.method.listResources;

const postgres = await startPostgres();
try {
  await using database = await newDatabase(postgres.url, "userd_million");
  {
    const log = pino({ level: "silent" });
    await using db = await openDatabase({ database: { kind: "postgres", url: database.url }, poolSize: 2 }, log);
    await migrate(db, log);
    await loadResources(database.url);
    const client = new pg.Client(database.url);
    await client.connect();
    const cache = createCache({ clock: processClock, isUnreachable: () => false }, { boundMs: 1_000, ttlMs: 1_000, maxBytes: 1_000_000 });
    const access = createAccess(
      { accessUsers: createAccessUsers(cache, db), accessAccounts: createAccessAccounts(cache, db) },
      "owner_only",
    );

    const statement = (scope: Scope, after?: bigint) =>
      statementOf(
        (recording) =>
          listResources({
            db: recording,
            freshness,
            pager: pagerAfter(after === undefined ? undefined : [String(after)]) as never,
            access: { scope: async () => ({ scope, revision: 0n }), scopes: async () => [] },
          }),
        method,
        { kind, userId: 1n, pageSize: PAGE },
      );
    /** How many there are, and what the last page begins after. */
    const extentOf = async (scope: Scope): Promise<{ count: string; place: string }> => {
      const { profileIds, accountIds } = scope.kind === "set" ? ownersOf(scope) : { profileIds: [], accountIds: [] };
      const { rows } = await client.query<{ count: string; place: string }>(
        `select count(*) as count, (array_agg(id order by id desc))[${PAGE + 1}] as place from resource
          where $1 or owner_profile_id = any($2::bigint[]) or account_id = any($3::bigint[])`,
        [scope.kind === "all", profileIds.map(String), accountIds.map(String)],
      );
      return rows[0] ?? { count: "0", place: "0" };
    };

    const lines: string[][] = [];
    for (const [asking, userId] of Object.entries(askers)) {
      const { scope } = await access.scope(call, { userId: BigInt(userId), relation: AccessRelation.READ }, withinBound);
      const { count, place } = await extentOf(scope);
      const [first, last] = [await explain(client, await statement(scope)), await explain(client, await statement(scope, BigInt(place)))];
      lines.push([asking, count, String(first.buffers), String(last.buffers), first.ms.toFixed(2), last.ms.toFixed(2)]);
    }
    process.stdout.write(`${formatTable(["asking", "may read", "buffers: page 1", "last page", "ms: page 1", "last page"], lines)}\n`);
    await client.end();
  }
} finally {
  await postgres.stop();
}
