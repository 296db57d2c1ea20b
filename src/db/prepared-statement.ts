import { createRequire } from "node:module";
import type { QueryResult } from "pg";
import { bindStatement, type Prepared, type Texts, type Wire } from "./wire.ts";

/** A column of a result, as PostgreSQL describes it. */
type Column = { readonly name: string; readonly dataTypeID: number };

type Row = Record<string, unknown>;

/** Returns the function that makes a value of the text of a column of a type. */
type TypeParsers = (type: number) => (text: string) => unknown;

/** The columns of a result, prepared for reading its rows. */
export type Shape = { readonly names: readonly string[]; readonly parsers: readonly ((text: string) => unknown)[]; readonly empty: Row };

/** What is known of a connection and of its statements. */
export type PreparedOn = {
  /** The columns of the results of the statements, by name: they are described once for each connection. */
  readonly shapes: Map<string, Shape>;
  readonly parserOf: TypeParsers;
};

/** The parts of a result that userd reads. */
export type Result = Pick<QueryResult<Row>, "command" | "rowCount" | "rows">;

// pg's own conversion of values, which it does not export by its name.
const { prepareValue } = createRequire(import.meta.url)("pg/lib/utils") as { readonly prepareValue: (value: unknown) => unknown };

const shapeOf = (columns: readonly Column[], parserOf: TypeParsers): Shape => ({
  names: columns.map(({ name }) => name),
  parsers: columns.map(({ dataTypeID }) => parserOf(dataTypeID)),
  empty: Object.fromEntries(columns.map(({ name }) => [name, null])),
});

/** Makes the error of a row that is not as its statement was described. It is the server's own for a result of other types. */
const otherColumns = (): Error =>
  Object.assign(new Error("The result of the statement has other columns than when it was prepared."), {
    code: "0A000",
    routine: "RevalidateCachedQuery",
  });

/**
 * A statement with a name on its way, which pg's client takes in place of its own `Query`. Its columns are described once for each connection, since
 * PostgreSQL refuses a prepared statement whose result has other types now. It is no emitter of events, and nothing keeps it: of pg's own, all that
 * was read by a process under load stayed until the next full collection (docs/adr/0066).
 */
class PreparedStatement {
  readonly name: string;
  readonly text: string;
  /** The values of its parameters, as they are sent. */
  readonly values: readonly unknown[];
  readonly #on: PreparedOn;
  readonly #resolve: (result: Result) => void;
  readonly #reject: (error: unknown) => void;
  readonly #rows: Row[] = [];
  #shape: Shape | undefined;
  #command = "";
  #rowCount: number | null = null;
  /** What went wrong here with a row; the rest of the answer is read nevertheless. */
  #failure: unknown;

  constructor(
    { name, text, values }: Prepared<unknown>,
    on: PreparedOn,
    resolve: (result: Result) => void,
    reject: (error: unknown) => void,
  ) {
    this.name = name;
    this.text = text;
    this.values = values.map(prepareValue);
    this.#on = on;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  submit(connection: Wire): void {
    const { stream } = connection;
    const { shapes } = this.#on;
    stream.cork();
    if (bindStatement(connection, this)) shapes.delete(this.name);
    this.#shape = shapes.get(this.name);
    if (this.#shape === undefined) connection.describe({ type: "P", name: "" });
    connection.execute(null);
    connection.sync();
    stream.uncork();
  }

  handleRowDescription({ fields }: { readonly fields: readonly Column[] }): void {
    this.#shape = shapeOf(fields, this.#on.parserOf);
    this.#on.shapes.set(this.name, this.#shape);
  }

  handleDataRow({ fields }: { readonly fields: Texts }): void {
    const shape = this.#shape;
    if (this.#failure !== undefined) return;
    try {
      if (shape === undefined || shape.names.length !== fields.length) throw otherColumns();
      const { names, parsers, empty } = shape;
      const row = { ...empty };
      for (let index = 0; index < fields.length; index += 1) {
        const text = fields[index] as string | null;
        row[names[index] as string] = text === null ? null : (parsers[index] as Shape["parsers"][number])(text);
      }
      this.#rows.push(row);
    } catch (error) {
      this.#failure = error;
    }
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    const space = text.indexOf(" ");
    this.#command = space < 0 ? text : text.slice(0, space);
    const count = space < 0 ? Number.NaN : Number(text.slice(text.lastIndexOf(" ") + 1));
    this.#rowCount = Number.isNaN(count) ? null : count;
    // One that returns nothing is not described, and need not be asked again.
    if (this.#shape === undefined) this.#on.shapes.set(this.name, shapeOf([], this.#on.parserOf));
  }

  handleReadyForQuery(): void {
    if (this.#failure !== undefined) this.#reject(this.#failure);
    else this.#resolve({ command: this.#command, rowCount: this.#rowCount, rows: this.#rows });
  }

  handleError(error: unknown): void {
    this.#reject(this.#failure ?? error);
  }

  handleCopyInResponse(connection: Wire): void {
    connection.sendCopyFail("A prepared statement has nothing to copy.");
  }

  handleCopyData(): void {}

  handlePortalSuspended(): void {}

  handleEmptyQuery(): void {}
}

/** Runs a statement on a connection by `submit`, which is the client's own `query`, and returns its result. */
export const runPrepared = (prepared: Prepared<unknown>, on: PreparedOn, submit: (statement: object) => void): Promise<Result> =>
  new Promise((resolve, reject) => submit(new PreparedStatement(prepared, on, resolve, reject)));
