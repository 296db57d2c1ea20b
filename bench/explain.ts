import { create, type DescMethodUnary, type MessageInitShape } from "@bufbuild/protobuf";
import { type CompiledQuery, DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from "kysely";
import { Client } from "pg";
import { pino } from "pino";
import { type Cache, createCache } from "../src/cache/cache.ts";
import { processClock } from "../src/cache/process-clock.ts";
import { withinBound } from "../src/cache/read-consistency.ts";
import type { Call, Operation } from "../src/call.ts";
import type { Database } from "../src/db/orm.ts";
import type { Page } from "../src/db/page.ts";
import { createSession } from "../src/db/session.ts";
import { permissions } from "../src/permissions.ts";
import type { Schema } from "../src/schema/entities.ts";
import { builtin } from "../src/schema/kind-set.ts";

type Plan = { readonly "Shared Hit Blocks": number; readonly "Shared Read Blocks": number };
type Explained = { readonly Plan: Plan; readonly "Planning Time": number; readonly "Execution Time": number };
/** A statement as an operation sends it. */
export type Statement = { readonly sql: string; readonly parameters: readonly unknown[] };

/** A call without a caller. */
export const call: Call = {
  method: "bench",
  caller: { name: "bench", permissions: new Set(permissions) },
  signal: new AbortController().signal,
  deadline: Number.POSITIVE_INFINITY,
  requestId: "bench",
  log: pino({ level: "silent" }),
};

/** A database that runs nothing and keeps what it was to run. */
const recorder = (recorded: CompiledQuery[]): Database => {
  const sql = new Kysely<Schema>({
    log: ({ query }) => void recorded.push(query),
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (kysely) => new PostgresIntrospector(kysely),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  });
  return { sql, session: () => createSession(sql, builtin) } as unknown as Database;
};

/** Takes every token. */
export const freshness = { check: () => undefined, reading: () => withinBound, certificateOf: () => ({}) };
/** Pages that begin after a key, without a token. */
export const pagerAfter =
  (after?: readonly string[]) =>
  (_: Call, __: unknown, { pageSize }: { pageSize: number }) =>
    ({ size: pageSize, after, tokenAfter: () => "", cut: (rows) => ({ rows, nextPageToken: "" }) }) as Page;

/** The one statement that an operation sends for a request. */
export const statementOf = async <M extends DescMethodUnary>(
  make: (db: Database) => Operation<M>,
  method: M,
  request: MessageInitShape<M["input"]>,
): Promise<Statement> => {
  const recorded: CompiledQuery[] = [];
  // Nothing answers, so every read fails; by then it has sent its statement.
  await Promise.resolve(make(recorder(recorded))(call, create<M["input"]>(method.input, request))).catch(() => {});
  const [statement, ...others] = recorded;
  if (statement === undefined || others.length > 0) throw new Error(`${method.name} runs ${recorded.length} statements.`);
  return statement;
};

/** All statements that an operation sends for a request that finds the cache empty, one after the other; they are answered. */
export const missesOf = async <M extends DescMethodUnary>(
  make: (cache: Cache) => Operation<M>,
  method: M,
  request: MessageInitShape<M["input"]>,
): Promise<readonly Statement[]> => {
  const cache = createCache({ clock: processClock, isUnreachable: () => false }, { boundMs: 60_000, ttlMs: 60_000, maxBytes: 1_000_000 });
  const sent: Statement[] = [];
  const { query } = Client.prototype;
  Client.prototype.query = function (this: Client, ...args: unknown[]) {
    const { text, values } = args[0] as { text?: string; values?: unknown[] };
    if (text !== undefined) sent.push({ sql: text, parameters: values ?? [] });
    return Reflect.apply(query, this, args) as never;
  };
  try {
    await make(cache)(call, create<M["input"]>(method.input, request));
  } finally {
    Client.prototype.query = query;
  }
  if (sent.length === 0) throw new Error(`${method.name} sends no statement.`);
  return sent;
};

type Cost = { readonly buffers: number; readonly ms: number; readonly planning: number };

/** What statements cost together. */
export const explainAll = async (client: Client, statements: readonly Statement[]): Promise<Cost> => {
  const total = { buffers: 0, ms: 0, planning: 0 };
  for (const statement of statements) {
    const { buffers, ms, planning } = await explain(client, statement);
    total.buffers += buffers;
    total.ms += ms;
    total.planning += planning;
  }
  return total;
};

/** What a statement costs, by EXPLAIN: the buffers it looks at, and the milliseconds of running and of planning it. */
export const explain = async (client: Client, { sql, parameters }: Statement): Promise<Cost> => {
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
