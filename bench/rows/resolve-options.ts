import assert from "node:assert/strict";
import pg from "pg";
import { OptionSource } from "../../src/gen/userd/v1/user_option_pb.ts";
import { UserOptionService } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import type { Bench, Prepared, Row } from "../bench.ts";
import { watchCacheUse } from "../cache-use.ts";
import { runReader } from "../yardsticks/pg.ts";
import { type Read, targetOf, userdSide } from "./read.ts";

/** One at a time: a call is twenty thousand values' worth of work. */
const shape = { connections: 1, streams: 1 };

const users = 1_000;
const keys = Array.from({ length: 20 }, (_, index) => `bench_resolve_${index}`);
const projectId = 4_001n;
const organizationId = 4_002n;

/** Three levels of each key: the user in the project (of every other key), the user, the organization. */
const store = async (url: string, userIds: readonly bigint[]): Promise<void> => {
  const client = new pg.Client(url);
  await client.connect();
  const parameters = [userIds.map(String), keys];
  const values = "(user_id, scope_kind, scope_id, key, value) select u, kind, id, k, to_jsonb(kind || ' ' || k)";
  const names = "unnest($1::bigint[]) u, unnest($2::text[]) with ordinality k (k, n)";
  await client.query(`insert into user_option ${values} from ${names}, (values (0, 0)) scope (kind, id)`, parameters);
  await client.query(
    `insert into user_option ${values} from ${names}, (values (2, ${projectId})) scope (kind, id) where n % 2 = 0`,
    parameters,
  );
  await client.query(
    `insert into scope_option (scope_kind, scope_id, key, value) select 1, ${organizationId}, k, '"theirs"' from unnest($1::text[]) k`,
    [keys],
  );
  await client.query("analyze users, user_option, scope_option");
  await client.end();
};

const stored = new Map<string, Promise<void>>();
const storeOnce = (url: string, userIds: readonly bigint[]): Promise<void> => {
  const storing = stored.get(url) ?? store(url, userIds);
  stored.set(url, storing);
  return storing;
};

/** What somebody would write by hand who needs just this: the winner of the three levels, in the order of the request. */
const statement = `
  select u.id, k.key, coalesce(p.value, g.value, o.value) as value,
    case when p.id is not null then 1 when g.id is not null then 3 else 5 end as source
  from unnest($1::bigint[]) with ordinality u (id, n) cross join unnest($2::text[]) with ordinality k (key, m)
  left join user_option p on p.user_id = u.id and p.scope_kind = 2 and p.scope_id = $3 and p.key = k.key
    and (p.expire_time is null or p.expire_time > now())
  left join user_option g on g.user_id = u.id and g.scope_kind = 0 and g.scope_id = 0 and g.key = k.key
    and (g.expire_time is null or g.expire_time > now())
  left join scope_option o on o.scope_kind = 1 and o.scope_id = $4 and o.key = k.key
  order by n, m`;

const readOf = (userIds: readonly bigint[], wanted: "hits" | "misses"): Read<typeof UserOptionService.method.resolveOptions> => ({
  method: UserOptionService.method.resolveOptions,
  shape,
  requests: [
    {
      userIds: [...userIds],
      keys,
      projectId,
      organizationId,
      ...(wanted === "misses" && { consistency: { mode: { case: "fullyConsistent", value: true } } }),
    },
  ],
  check: ({ results }) => {
    assert.equal(results.length, users);
    for (const { options } of results) {
      assert.deepEqual(
        options.map(({ source }) => source),
        keys.map((_, index) => (index % 2 === 1 ? OptionSource.USER_PROJECT : OptionSource.USER_GLOBAL)),
      );
    }
  },
});

const prepare = async ({ service, load, pins, seed }: Bench, wanted: "hits" | "misses"): Promise<Prepared> => {
  const userIds = seed.userIds.slice(0, users);
  await storeOnce(service.databaseUrl, userIds);
  // Past the cache first: it may still hold what an earlier row has read of these users.
  await targetOf(service, readOf(userIds, "misses"));
  const { target } = await targetOf(service, readOf(userIds, wanted));
  const reader = {
    url: service.databaseUrl,
    sql: statement,
    parameters: [userIds.map(String), keys, String(projectId), String(organizationId)],
    rows: users * keys.length,
    connections: shape.connections * shape.streams,
  };
  const use = watchCacheUse(
    service,
    userdSide(service, (options) => load.run(target, options), target.path),
    wanted,
  );
  return {
    userd: use.side,
    yardstick: (options) => runReader(reader, pins, options),
    load: `one call in flight by ${load.name}; pg: one connection`,
    details: () => ({ hit_share: use.hitShare() }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
};

/** ResolveOptions of 1,000 users × 20 keys, three levels stored, against one statement that returns the same. */
export const resolveOptions: Row = {
  name: "resolve_options",
  yardstick: "one hand-written SQL statement, pg alone",
  valuesPerCall: users * keys.length,
  prepare: (bench) => prepare(bench, "hits"),
};

/** The same where the cache has no say: each call asks for the latest committed state. */
export const resolveOptionsCold: Row = {
  name: "resolve_options_cold",
  yardstick: "one hand-written SQL statement, pg alone",
  valuesPerCall: users * keys.length,
  prepare: (bench) => prepare(bench, "misses"),
};
