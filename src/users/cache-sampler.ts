import { setTimeout as delay, setInterval as every } from "node:timers/promises";
import { sql } from "kysely";
import { Counter, type Registry } from "prom-client";
import { withinBound } from "../cache/read-consistency.ts";
import type { Database } from "../db/orm.ts";
import type { Users } from "./user.lookup.ts";
import { type CachedUserRow, selectCachedUsers } from "./user.select.ts";

/** The most time that a sample takes besides its waits, in milliseconds. */
const TIMEOUT_MS = 5_000;
/** The number of latest changes among whose users one is picked. */
const RECENT_CHANGES = 100;

/** Returns the part of a row that has to be equal, as text. The times of activity have no version and may lag. */
const comparable = (row: CachedUserRow | undefined): string =>
  JSON.stringify(row, (name, value: unknown) => {
    if (name === "last_login" || name === "last_active") return undefined;
    if (Array.isArray(value)) return [...value].map((member) => JSON.stringify(member)).sort();
    return typeof value === "bigint" ? String(value) : value;
  }) ?? "";

/**
 * Starts a sampler that every `sampleMs` compares a recently changed user in the cache with the database, and counts differences until it is
 * disposed. A difference that is still there after `boundMs`, though the row has not changed again, counts as beyond the bound.
 */
export const startCacheSampler = (
  db: Database,
  users: Users,
  { boundMs, sampleMs }: { readonly boundMs: number; readonly sampleMs: number },
  registry: Registry,
): Disposable => {
  const inconsistencies = new Counter({
    name: "userd_cache_inconsistency_total",
    help: "Sampled answers that differed from the database: within the bound, which is allowed, and beyond it, which must not be",
    labelNames: ["window"],
    registers: [registry],
  });
  for (const window of ["within_bound", "beyond_bound"]) inconsistencies.inc({ window }, 0);
  const samples = new Counter({
    name: "userd_cache_samples_total",
    help: "Users that were compared with the database",
    registers: [registry],
  });
  const stop = new AbortController();

  const recent = async (signal: AbortSignal): Promise<bigint | undefined> => {
    const row = await db.session({ signal }).row(sql<{ id: bigint }>`
      select aggregate_id as id from (select aggregate_kind, aggregate_id from changes order by changes.id desc limit ${RECENT_CHANGES}) c
      where aggregate_kind = 'user' order by random() limit 1`);
    return row?.id;
  };
  const look = async (id: bigint, signal: AbortSignal) => {
    const served = comparable((await users.get({ signal }, id, withinBound)).user?.row);
    // Beside the cache: a strong read would put right what it is to find.
    const row = await db.session({ signal }).row(selectCachedUsers(db.sql).where("users.id", "=", id));
    const stored = comparable(row);
    return { stored, isEqual: served === stored };
  };
  const sample = async (): Promise<void> => {
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(TIMEOUT_MS + boundMs)]);
    const id = await recent(signal);
    if (id === undefined) return;
    samples.inc();
    const first = await look(id, signal);
    if (first.isEqual) return;
    inconsistencies.inc({ window: "within_bound" });
    await delay(boundMs, undefined, { ref: false, signal });
    const second = await look(id, signal);
    if (!second.isEqual && second.stored === first.stored) inconsistencies.inc({ window: "beyond_bound" });
  };
  const run = async (): Promise<void> => {
    // A database that can't be reached is no inconsistency.
    for await (const _ of every(sampleMs, undefined, { ref: false, signal: stop.signal })) await sample().catch(() => {});
  };
  run().catch(() => {});
  return { [Symbol.dispose]: () => stop.abort() };
};
