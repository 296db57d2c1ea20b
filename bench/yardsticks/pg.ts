import { fileURLToPath } from "node:url";
import { runNode } from "../child.ts";
import type { Pins } from "../cpus.ts";
import { type LoadOptions, type LoadResult, warmUpMs } from "../load/load.ts";
import { startFlags } from "../start-flags.ts";
import type { Statement } from "./set-option-statement.ts";

/** What pg-writer.ts is told. */
export type WriterJob = {
  readonly url: string;
  readonly statement: Statement;
  readonly users: readonly string[];
  readonly connections: number;
  readonly milliseconds: number;
  readonly warmUpMs: number;
};

const script = fileURLToPath(new URL("pg-writer.ts", import.meta.url));

/** What a writer writes, and with how many connections. */
export type Writer = Pick<WriterJob, "url" | "statement" | "users" | "connections">;

/** Runs a statement through pg alone, on the server's core: what userd would reach if it did nothing else. */
export const runWriter = (writer: Writer, pins: Pins, { seconds }: LoadOptions): Promise<LoadResult> => {
  const job: WriterJob = { ...writer, milliseconds: seconds * 1_000, warmUpMs };
  return runNode<LoadResult>(script, { cpus: pins.server, nodeFlags: startFlags, job });
};

/** What pg-reader.ts is told. */
export type ReaderJob = {
  readonly url: string;
  readonly sql: string;
  readonly parameters: readonly unknown[];
  /** How many rows the statement returns. */
  readonly rows: number;
  readonly connections: number;
  readonly milliseconds: number;
  readonly warmUpMs: number;
};

const readerScript = fileURLToPath(new URL("pg-reader.ts", import.meta.url));

/** A statement that reads, and with how many connections. */
export type Reader = Pick<ReaderJob, "url" | "sql" | "parameters" | "rows" | "connections">;

/** Runs a statement that reads through pg alone, on the server's core. */
export const runReader = (reader: Reader, pins: Pins, { seconds }: LoadOptions): Promise<LoadResult> => {
  const job: ReaderJob = { ...reader, milliseconds: seconds * 1_000, warmUpMs };
  return runNode<LoadResult>(readerScript, { cpus: pins.server, nodeFlags: startFlags, job });
};
