import { CompiledQuery, PostgresQueryCompiler, type RawBuilder, type RootOperationNode, sql } from "kysely";

const PLACE = Symbol("place");

type Place = { readonly [PLACE]: string };

const isPlace = (parameter: unknown): parameter is Place => typeof parameter === "object" && parameter !== null && PLACE in parameter;

/** Makes a place in a statement that is compiled once, for a value that comes with each run under this name. */
export const place = (name: string): RawBuilder<unknown> => sql`${{ [PLACE]: name } satisfies Place}`;

/** A statement whose text is made already: a function that binds the values of its places, by their names. */
export type Compiled<R> = (values: Readonly<Record<string, unknown>>) => CompiledQuery<R>;

/** Makes the text of a statement, which then serves any number of runs: to make it takes longer than to send it. */
export const compiled = <R>(statement: RawBuilder<R>): Compiled<R> => {
  const node = statement.toOperationNode() as RootOperationNode;
  const { sql: text, parameters } = new PostgresQueryCompiler().compileQuery(node, { queryId: "" });
  const query = CompiledQuery.raw(text) as CompiledQuery<R>;
  return (values) => ({
    ...query,
    parameters: parameters.map((parameter) => (isPlace(parameter) ? values[parameter[PLACE]] : parameter)),
  });
};
