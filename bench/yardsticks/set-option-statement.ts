import { create } from "@bufbuild/protobuf";
import { type CompiledQuery, DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from "kysely";
import { pino } from "pino";
import type { Call } from "../../src/call.ts";
import { createSession } from "../../src/db/session.ts";
import type { Tx } from "../../src/db/write.ts";
import { type SetOptionRequest, SetOptionRequestSchema } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { createOptionScopes } from "../../src/options/option-scopes.ts";
import type { OptionRegistry } from "../../src/options/registry/registry.ts";
import { setOption } from "../../src/options/set-option.ts";
import { toValue } from "../../src/options/value.ts";
import type { Schema } from "../../src/schema/entities.ts";
import { builtin } from "../../src/schema/kind-set.ts";

/** One bound parameter, as text. */
export type Parameter = string | null | readonly (string | null)[];

/** A statement, and where in its parameters the user and the value stand. */
export type Statement = {
  readonly sql: string;
  /** An array is one parameter. */
  readonly parameters: readonly Parameter[];
  readonly userAt: readonly number[];
  readonly valueAt: readonly number[];
};

const user = 4_242_424_242n;
const value = 4_242_424_243;

/** A Kysely that runs nothing and keeps what it was to run. */
const recorder = (recorded: CompiledQuery[]): Kysely<Schema> =>
  new Kysely<Schema>({
    log: ({ query }) => void recorded.push(query),
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  });

const call: Call = {
  method: "bench",
  caller: { name: "bench", permissions: new Set() },
  signal: new AbortController().signal,
  deadline: Number.POSITIVE_INFINITY,
  requestId: "bench",
  log: pino({ level: "silent" }),
};

const asText = (parameter: unknown): string | null => (parameter === null ? null : String(parameter));

const positions = (parameters: readonly unknown[], wanted: string): number[] =>
  parameters.flatMap((parameter, index) => (String(parameter) === wanted ? [index] : []));

/** Asks the SetOption of src/ for its upsert, so that both sides always run the same text. */
export const setOptionStatement = async (key: string): Promise<Statement> => {
  const recorded: CompiledQuery[] = [];
  const whole: Tx["whole"] = ({ statement, values }) => {
    recorded.push(statement(values({ caller: "bench", actingUserId: "", requestId: "bench", reason: "", left: "60000" })));
    return Promise.reject(new Error("The recorder returns no rows."));
  };
  const tx = { call, ...createSession(recorder(recorded), builtin), whole } as unknown as Tx;
  const request: SetOptionRequest = create(SetOptionRequestSchema, { userId: user, key, value: toValue(value) });
  // No definition stands in the way: the statement is the same with any registry.
  const closed = { read: new Set(), write: new Set() };
  const registry = { get: () => undefined, assertFits: () => {}, closedTo: () => closed } as unknown as OptionRegistry;
  const quotas = { optionsPerUser: 1, optionBytesPerUser: 1, resourcesPerProfile: 1 };
  // The recorder returns no rows, so the operation does not come to its end.
  await Promise.resolve(
    setOption({ write: (_, __, body) => body(tx), registry, optionScopes: createOptionScopes("trust"), quotas })(call, request),
  ).catch(() => {});
  const upsert = recorded.find(({ sql }) => /\bstore_option\(/.test(sql));
  if (upsert === undefined) throw new Error("SetOption has no such statement any more: bench/yardsticks has to follow it.");
  const statement: Statement = {
    sql: upsert.sql,
    parameters: upsert.parameters.map((parameter) => (Array.isArray(parameter) ? parameter.map(asText) : asText(parameter))),
    userAt: positions(upsert.parameters, `${user}`),
    valueAt: positions(upsert.parameters, `${value}`),
  };
  if (statement.userAt.length === 0 || statement.valueAt.length === 0) throw new Error("SetOption's upsert binds other parameters now.");
  return statement;
};
