import { fileURLToPath } from "node:url";
import { runNode } from "../child.ts";
import type { Pins } from "../cpus.ts";
import { type LoadOptions, type LoadResult, warmUpMs } from "../load/load.ts";
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
  return runNode<LoadResult>(script, { cpus: pins.server, job });
};
