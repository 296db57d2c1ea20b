import { create, type DescMethodUnary, type MessageInitShape } from "@bufbuild/protobuf";
import { type CompiledQuery, DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from "kysely";
import type { Client } from "pg";
import { pino } from "pino";
import { type Cache, createCache } from "../src/cache/cache.ts";
import { processClock } from "../src/cache/process-clock.ts";
import { fastReading } from "../src/cache/reading.ts";
import type { Call, Operation } from "../src/call.ts";
import type { Database, Schema } from "../src/db/orm.ts";
import type { Page } from "../src/db/page.ts";

type Plan = { readonly "Shared Hit Blocks": number; readonly "Shared Read Blocks": number };
type Explained = { readonly Plan: Plan; readonly "Planning Time": number; readonly "Execution Time": number };
/** A statement as an operation sends it. */
export type Statement = { readonly sql: string; readonly parameters: readonly unknown[] };

/** A call without a caller. */
export const call: Call = {
  method: "bench",
  caller: { name: "bench", permissions: new Set() },
  signal: new AbortController().signal,
  deadline: Number.POSITIVE_INFINITY,
  requestId: "bench",
  log: pino({ level: "silent" }),
};

/** A database that runs nothing and keeps what it was to run. */
const recorder = (recorded: CompiledQuery[]) =>
  ({
    abort: () => ({ signal: call.signal }),
    sql: new Kysely<Schema>({
      log: ({ query }) => void recorded.push(query),
      dialect: {
        createAdapter: () => new PostgresAdapter(),
        createDriver: () => new DummyDriver(),
        createIntrospector: (kysely) => new PostgresIntrospector(kysely),
        createQueryCompiler: () => new PostgresQueryCompiler(),
      },
    }),
  }) as unknown as Database;

/** Takes every token. */
export const freshness = { check: () => undefined, reading: () => fastReading };
/** Pages that begin after a key, without a token. */
export const pagerAfter =
  (after?: readonly string[]) =>
  (_: Call, __: unknown, { pageSize }: { pageSize: number }) =>
    ({ size: pageSize, after, cut: (rows) => ({ rows, nextPageToken: "" }) }) as Page;

/** The one statement that a read sends. */
const recordOf = async (name: string, read: (db: Database) => unknown): Promise<Statement> => {
  const recorded: CompiledQuery[] = [];
  // Nothing answers, so every read fails; by then it has sent its statement.
  await Promise.resolve(read(recorder(recorded))).catch(() => {});
  const [statement, ...others] = recorded;
  if (statement === undefined || others.length > 0) throw new Error(`${name} runs ${recorded.length} statements.`);
  return statement;
};

/** The one statement that an operation sends for a request. */
export const statementOf = <M extends DescMethodUnary>(
  make: (db: Database) => Operation<M>,
  method: M,
  request: MessageInitShape<M["input"]>,
): Promise<Statement> => recordOf(method.name, (db) => make(db)(call, create<M["input"]>(method.input, request)));

/** What a look-up sends that misses the cache. */
export const missed = (name: string, read: (cache: Cache, db: Database) => unknown): Promise<Statement> =>
  recordOf(name, (db) =>
    read(createCache({ clock: processClock, isUnreachable: () => false }, { boundMs: 0, ttlMs: 1, maxBytes: 1_000_000 }), db),
  );

/** What a statement costs, by EXPLAIN: the buffers it looks at, and the milliseconds of running and of planning it. */
export const explain = async (
  client: Client,
  { sql, parameters }: Statement,
): Promise<{ buffers: number; ms: number; planning: number }> => {
  let best: Explained | undefined;
  // The first run warms the cache; of the others the fastest counts.
  for (let run = 0; run < 4; run += 1) {
    const { rows } = await client.query<{ "QUERY PLAN": Explained[] }>(`explain (analyze, buffers, format json) ${sql}`, [...parameters]);
    const [explained] = rows[0]?.["QUERY PLAN"] ?? [];
    if (explained && run > 0 && (best === undefined || explained["Execution Time"] < best["Execution Time"])) best = explained;
  }
  if (best === undefined) throw new Error("EXPLAIN said nothing.");
  const { Plan: plan } = best;
  return { buffers: plan["Shared Hit Blocks"] + plan["Shared Read Blocks"], ms: best["Execution Time"], planning: best["Planning Time"] };
};
