import { Client, type ClientConfig, types } from "pg";
import { type OpenStatement, openStatement } from "./open-statement.ts";
import { type PreparedOn, runPrepared } from "./prepared-statement.ts";
import { type Watch, watchConnection } from "./silent-connections.ts";
import { nameOf } from "./statement-names.ts";
import type { DriverError } from "./unreachable.ts";
import { verifyAddress } from "./verified-host.ts";
import type { Texts } from "./wire.ts";

/** The internal errors of a statement that began while another transaction replaced a function or a table. They are never translated. */
const replacedMeanwhile = /(?:cache lookup failed for|could not open relation with OID|tuple concurrently)/;

/**
 * Tells whether a statement met a change of the schema, so that the same text has an answer when it is prepared anew. PostgreSQL refuses a
 * prepared statement whose result has other types now: a column that became longer is enough, which a newer set of kinds or a migration does
 * beside older instances.
 */
export const metSchemaChange = (error: unknown): boolean => {
  const { code, routine, message } = error instanceof Error ? (error as DriverError) : { message: "" };
  return (code === "0A000" && routine === "RevalidateCachedQuery") || (code === "XX000" && replacedMeanwhile.test(message));
};

/** The options of the clients of a pool, besides those of the driver. */
type ClientOptions = {
  /**
   * Prepares every statement with bound parameters once per connection: parsing and planning are two thirds of what a
   * small read costs the database. Neither Kysely nor MikroORM names statements, so the driver's client does it.
   */
  readonly prepares: boolean;
  /** The time that a statement may have no answer, in milliseconds, before the connection is looked at; undefined = for ever. */
  readonly silenceMs: number | undefined;
};

/** A connection of a pool. */
export type PreparingClient = Client & {
  /** Sends a statement whose transaction stays open after the answer. */
  readonly open: (text: string, values: Texts) => OpenStatement;
};

/** Makes the class of a pool's connections, which prepare their statements with `prepares`, and notice a silent server with `silenceMs`. */
export const clientClass = ({ prepares, silenceMs }: ClientOptions): typeof Client =>
  class extends Client implements PreparingClient {
    readonly #watch: Watch | undefined;
    readonly #on: PreparedOn;

    constructor(config: ClientConfig = {}) {
      super(config);
      verifyAddress(this);
      const { getTypeParser } = config.types ?? types;
      this.#on = { shapes: new Map(), parserOf: (type) => getTypeParser(type, "text") };
      this.#watch = silenceMs === undefined ? undefined : watchConnection(this, config, silenceMs);
    }

    override query(...args: unknown[]): never {
      const [text, values] = args;
      const isBound = prepares && args.length === 2 && typeof text === "string" && Array.isArray(values) && values.length > 0;
      const name = isBound ? nameOf(text) : undefined;
      const query = super.query as (...args: unknown[]) => unknown;
      const answer =
        name === undefined
          ? query.apply(this, args)
          : runPrepared({ name, text: text as string, values: values as unknown[] }, this.#on, (statement) => query.call(this, statement));
      if (this.#watch !== undefined && answer instanceof Promise) this.#watch(answer);
      return answer as never;
    }

    open(text: string, values: Texts): OpenStatement {
      const { answer, end } = openStatement(this, { name: (prepares ? nameOf(text) : undefined) ?? "", text, values });
      const watch = this.#watch;
      if (watch === undefined) return { answer, end };
      watch(answer);
      return {
        answer,
        end: (ending) => {
          const ended = end(ending);
          watch(ended);
          return ended;
        },
      };
    }
  };
