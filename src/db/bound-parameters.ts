import { isRaw } from "@mikro-orm/core";
import type { SqlEntityManager } from "@mikro-orm/sql";
import { CompiledQuery, type Kysely, type QueryResult } from "kysely";
import type { AbortOptions } from "./session.ts";

/** The parts of the ORM's connection that send a statement. */
type Connection = {
  execute: (query: unknown, params?: unknown, method?: string, ctx?: Kysely<unknown>, context?: Partial<AbortOptions>) => Promise<unknown>;
  readonly prepareQuery: (query: unknown, params?: unknown) => { readonly query: string; readonly params: readonly unknown[] };
  readonly getClient: () => Kysely<unknown>;
  readonly transformRawResult: (result: QueryResult<unknown>, method: string) => unknown;
};

/** The placeholders of the ORM: an escaped question mark, the name of a column, a value. */
const PLACEHOLDER = /\\\?|\?\??/g;

/** Converts a statement of the ORM to a text with PostgreSQL's placeholders, and the values for them. */
const bind = (query: string, params: readonly unknown[]): CompiledQuery => {
  const values: unknown[] = [];
  const left = params[Symbol.iterator]();
  const place = (value: unknown): string => {
    if (isRaw(value)) return value.sql.replaceAll(PLACEHOLDER, textOf(value.params[Symbol.iterator]()));
    if (Array.isArray(value)) return value.map(place).join(", ");
    return `$${values.push(value ?? null)}`;
  };
  const textOf =
    (next: Iterator<unknown>) =>
    (mark: string): string => {
      if (mark === "\\?") return "?";
      const { value } = next.next();
      return mark === "??" ? `"${String(value).replaceAll('"', '""').replaceAll(".", '"."')}"` : place(value);
    };
  return CompiledQuery.raw(params.length === 0 ? query : query.replaceAll(PLACEHOLDER, textOf(left)), values);
};

/** Makes the ORM send values as bound parameters, so that logs of statements show no values, and statements can be prepared. */
export const bindParameters = (em: SqlEntityManager): void => {
  const connection = em.getConnection() as unknown as Connection;
  connection.execute = async (
    query,
    params = [],
    method = "all",
    ctx = connection.getClient(),
    { signal, inflightQueryAbortStrategy } = {},
  ) => {
    const prepared = connection.prepareQuery(query, params);
    const abort = signal && { signal, ...(inflightQueryAbortStrategy && { inflightQueryAbortStrategy }) };
    return connection.transformRawResult(await ctx.executeQuery(bind(prepared.query, prepared.params), abort), method);
  };
};
