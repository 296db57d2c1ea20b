import { sql } from "kysely";
import type { Logger } from "pino";
import type { Config } from "../config.ts";
import type { Database } from "./orm.ts";

/** The connections of a process besides its pool: health asks by one of its own. */
const BESIDE_POOL = 1;

/** Logs a warning when the pools of all workers together can open more connections than the database lets in. */
export const warnOfConnections = async (
  db: Pick<Database, "session">,
  { workers, poolSize }: Pick<Config, "workers" | "poolSize">,
  log: Logger,
): Promise<void> => {
  const { room } = await db.session().one(sql<{ room: number }>`
    select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as room`);
  const wanted = workers * (poolSize + BESIDE_POOL);
  if (wanted <= room) return;
  log.warn({ workers, poolSize, wanted, room }, "the pools of the workers can open more connections than the database lets in");
};
