import { sql } from "kysely";
import type { Logger } from "pino";
import { IDEMPOTENCY_HOURS } from "../db/idempotency.ts";
import { inTransaction } from "../db/in-transaction.ts";
import type { Database } from "../db/orm.ts";

/** The background job that deletes expired options, and the stored answers to old requests with a request_id. */
export type Sweeper = {
  /** Runs one round now; returns the number of rows that it deleted. */
  readonly sweep: () => Promise<number>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
};

/** The most rows that one statement deletes: so a round never holds many locks, nor for long. */
const BATCH = 1_000;
const INTERVAL_MS = 60_000;

/** Deletes expired options, after locking their users, as every write does. Users that are being written wait for the next round. */
const sweepOptions = (db: Database): Promise<number> =>
  inTransaction(db, "userd sweeper", (tx) =>
    tx.affected(sql`
      with expired as (
        select id, user_id from user_option where expire_time <= now() order by expire_time limit ${BATCH}
      ), locked as (
        select id from aggregate_version where kind = 'user' and id in (select user_id from expired)
        order by id for update skip locked
      )
      delete from user_option o using expired e
      where o.id = e.id and o.expire_time <= now() and e.user_id in (select id from locked)`),
  );

const sweepIdempotency = (db: Database): Promise<number> =>
  db.session().affected(sql`
    delete from idempotency where (caller, method, request_id) in (
      select caller, method, request_id from idempotency
      where create_time < now() - make_interval(hours => ${IDEMPOTENCY_HOURS})
      order by create_time limit ${BATCH} for update skip locked
    )`);

/** Starts the sweeper: once a minute, until disposed, it deletes options that have expired, and old answers that were kept for retries. */
export const startSweeper = (db: Database, log: Logger): Sweeper => {
  let running: Promise<unknown> = Promise.resolve();
  const untilDone = async (batch: (db: Database) => Promise<number>): Promise<number> => {
    let total = 0;
    for (let rows = BATCH; rows === BATCH; total += rows) rows = await batch(db);
    return total;
  };
  const sweep = async (): Promise<number> => {
    const options = await untilDone(sweepOptions);
    const answers = await untilDone(sweepIdempotency);
    if (options + answers > 0) log.info({ options, answers }, "swept");
    return options + answers;
  };
  const timer = setInterval(() => {
    running = sweep().catch((error: unknown) => log.warn({ err: error }, "sweep failed; the next one tries again"));
  }, INTERVAL_MS);
  timer.unref();
  return {
    sweep,
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      await running;
    },
  };
};
