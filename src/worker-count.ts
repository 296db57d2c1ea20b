import { availableParallelism, totalmem } from "node:os";
import type { DatabaseUrl } from "./settings.ts";

/** What the number of workers depends on: the cores that this process may use, and its memory in MB. */
export type Machine = { readonly cores: number; readonly memoryMb: number };

/** The most workers that are started without being asked for: with their pools they stay under PostgreSQL's 100 connections. */
const MAX_BY_DEFAULT = 16;
/** The memory that a worker takes besides its cache, and that the process takes which starts the workers, in MB. */
const WORKER_MB = 150;
/** The share of the memory that all of them may take; requests, and what else runs, have the rest. */
const MEMORY_SHARE = 0.75;

/** The connections of one or two workers each; more workers share twice as many, and have `MIN_POOL` at least. */
const POOL = 20;
const MIN_POOL = 5;

/** Returns this machine, or the part of it that a container or a mask of cores leaves this process. */
export const thisMachine = (): Machine => ({
  cores: availableParallelism(),
  // 0 = the system does not say.
  memoryMb: Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY) / 1024 ** 2,
});

/** Returns the number of workers where none is set: as many as there are cores, and as the memory holds; on the embedded database one. */
export const defaultWorkers = (database: DatabaseUrl, cacheMb: number, { cores, memoryMb }: Machine): number => {
  if (database.kind === "pglite") return 1;
  const fitting = Math.floor((memoryMb * MEMORY_SHARE - WORKER_MB) / (WORKER_MB + cacheMb));
  return Math.max(1, Math.min(cores, fitting, MAX_BY_DEFAULT));
};

/** Returns the connections of each worker's pool where none are set. */
export const defaultPool = (workers: number): number => Math.max(MIN_POOL, Math.min(POOL, Math.floor((2 * POOL) / workers)));
