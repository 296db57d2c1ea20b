import { CompiledQuery, PostgresQueryCompiler, type RawBuilder, type RootOperationNode, sql } from "kysely";

const PLACE = Symbol("place");

type Place = { readonly [PLACE]: string };

const isPlace = (parameter: unknown): parameter is Place => typeof parameter === "object" && parameter !== null && PLACE in parameter;

/** Makes a named placeholder in a statement that is compiled once; each run binds a value to the name. */
export const place = (name: string): RawBuilder<unknown> => sql`${{ [PLACE]: name } satisfies Place}`;

/** A compiled statement: a function that binds values to its placeholders, by their names. */
export type Compiled<R> = (values: Readonly<Record<string, unknown>>) => CompiledQuery<R>;

/** Compiles a statement to SQL text once for any number of runs, since compiling takes longer than sending. */
export const compiled = <R>(statement: RawBuilder<R>): Compiled<R> => {
  const node = statement.toOperationNode() as RootOperationNode;
  const { sql: text, parameters } = new PostgresQueryCompiler().compileQuery(node, { queryId: "" });
  const { query, queryId } = CompiledQuery.raw(text) as CompiledQuery<R>;
  const names = parameters.map((parameter) => (isPlace(parameter) ? parameter[PLACE] : undefined));
  return (values) => ({
    query,
    queryId,
    sql: text,
    parameters: names.map((name, index) => (name === undefined ? parameters[index] : values[name])),
  });
};
