import { setTimeout as delay } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import pg from "pg";
import { createUsers, unique, value } from "../../support/build.ts";
import { type Clients, createClients } from "../../support/clients.ts";
import { newDatabase } from "../../support/new-database.ts";
import { runUserd, type ServiceProcess, startService } from "../../support/userd.ts";
import type { Drill } from "../drill.ts";
import { checkOutEarlierVersion, lacksEarlierVersion } from "../earlier-version.ts";
import { percentile } from "../percentile.ts";

const LOOPS = 6;
/** The longest that a call may take, in milliseconds: a lock of the migration that others wait for shows here. */
const MAX_CALL_MS = 3_000;
const strong = { mode: { case: "fullyConsistent" as const, value: true } };

/** What a writer was told is stored: numbers under keys of their own, and accounts. */
type Ledger = { readonly userId: bigint; acknowledged: number; readonly keys: string[]; readonly accounts: string[] };

/**
 * Changes, as a migration or a set of kinds does beside older instances, the type that a prepared statement returns: of a table's column, and of the
 * function that ends each write, whose statement goes out together with COMMIT.
 */
const changeTypes = async (admin: pg.Client, turn: number): Promise<void> => {
  await admin.query(`alter table users alter column avatar_url type varchar(${5_000 + turn})`);
  const { rows } = await admin.query<{ text: string }>("select pg_get_functiondef('end_write'::regproc) as text");
  const [from, to] = turn % 2 === 0 ? ["text", "character varying"] : ["character varying", "text"];
  const changed = rows[0]?.text.replace(`OUT epoch ${from}`, `OUT epoch ${to}`);
  await admin.query(`begin; drop function end_write; ${changed}; commit`);
};

/** A database is migrated while the version before goes on, and both versions serve it side by side. */
export const migration: Drill = {
  rows: [18],
  name: "migration",
  about:
    "the version from before the newest migration serves calls while `userd migrate` runs, and goes on beside this version, under which types of columns and functions change then; counts calls that failed, and writes that are not found",
  lacks: lacksEarlierVersion,
  run: async ({ postgresUrl, of, stack }) => {
    const before = checkOutEarlierVersion(stack);
    const { url } = stack.use(await newDatabase(postgresUrl, "userd_migration"));
    const settings = { DATABASE_URL: url, LOG_LEVEL: "fatal" };
    const failures = new Map<string, number>();
    const times: number[] = [];
    let operations = 0;
    const [withBoth, alone] = [new AbortController(), new AbortController()];
    const connect = (service: ServiceProcess): Clients => {
      const { byKind, close } = createClients(service, { defaultTimeoutMs: 10_000 });
      stack.defer(close);
      return byKind["grpc-js"];
    };
    const call = async (make: () => Promise<unknown>): Promise<boolean> => {
      const began = performance.now();
      operations += 1;
      try {
        await make();
        return true;
      } catch (error) {
        const name = error instanceof ConnectError ? `${Code[error.code]}: ${error.rawMessage}` : String(error);
        failures.set(name, (failures.get(name) ?? 0) + 1);
        return false;
      } finally {
        times.push(performance.now() - began);
      }
    };
    const work = async (
      { users, options, profiles, organizations }: Clients,
      ledger: Ledger,
      { signal }: AbortController,
    ): Promise<void> => {
      const { userId, keys, accounts } = ledger;
      while (!signal.aborted) {
        const next = ledger.acknowledged + 1;
        if (await call(() => options.setOption({ userId, key: "n", value: value(next) }))) ledger.acknowledged = next;
        await call(() => options.getOption({ userId, key: "n" }));
        await call(() => users.getUser({ id: userId, consistency: strong }));
        await call(() => users.listUsers({ pageSize: 20 }));
        await call(() => users.updateUser({ user: { id: userId, name: `Number ${next}` }, updateMask: { paths: ["name"] } }));
        const key = unique("key-");
        if (await call(() => options.setOption({ userId, key, value: value(next) }))) keys.push(key);
        const name = unique("Migrated ");
        if (await call(() => profiles.createAccount({ account: { name } }))) accounts.push(name);
        await call(() => organizations.createOrganization({ organization: { name: unique("Migrated ") }, ownerUserId: userId }));
      }
    };

    const old = stack.use(await startService(settings, [], before));
    const oldClients = connect(old);
    const ledgers = (await createUsers(oldClients, 2 * LOOPS)).map(
      ({ id }): Ledger => ({ userId: id, acknowledged: 0, keys: [], accounts: [] }),
    );
    await createUsers(oldClients, of(50, 1_000));
    const beside = ledgers.slice(0, LOOPS).map((ledger) => work(oldClients, ledger, withBoth));
    await delay(of(1_000, 5_000));
    const began = performance.now();
    const migrated = await runUserd(["migrate"], { settings });
    const migrationMs = Math.round(performance.now() - began);
    const complaints: string[] = [];
    if (migrated.code !== 0) complaints.push(`the migration ended with ${migrated.code}: ${migrated.stderr.slice(-300)}`);
    const now = stack.use(await startService(settings));
    const newClients = connect(now);
    const running = ledgers.slice(LOOPS).map((ledger) => work(newClients, ledger, alone));
    await delay(of(3_000, 30_000));
    withBoth.abort();
    await Promise.all(beside);
    const admin = new pg.Client(url);
    await admin.connect();
    stack.defer(() => admin.end());
    let turns = 0;
    for (const until = performance.now() + of(3_000, 15_000); performance.now() < until; turns += 1) {
      await changeTypes(admin, turns);
      await delay(500);
    }
    alone.abort();
    await Promise.all(running);

    let lost = 0;
    for (const { userId, acknowledged } of ledgers) {
      for (const { options } of [oldClients, newClients]) {
        const { value: found } = await options.getOption({ userId, key: "n", consistency: strong });
        if (found?.kind.case !== "numberValue" || found.kind.value < acknowledged) lost += 1;
      }
    }
    if (lost > 0) complaints.push(`${lost} acknowledged writes are not found by one of the versions`);
    const missing = await admin.query<{ name: string }>(
      "(select name from unnest($1::text[]) name except select key from user_option) union all (select name from unnest($2::text[]) name except select name from account)",
      [ledgers.flatMap(({ keys }) => keys), ledgers.flatMap(({ accounts }) => accounts)],
    );
    for (const { name } of missing.rows) complaints.push(`${name} was acknowledged and is not there`);
    const { rows } = await admin.query<{ count: number }>("select count(*)::int as count from userd_migrations");
    const slowest = Math.round(Math.max(...times));
    if (slowest > MAX_CALL_MS) complaints.push(`a call took ${slowest} ms`);
    for (const [name, count] of failures) complaints.push(`${count} calls failed with ${name}`);
    const failed = [...failures.values()].reduce((sum, count) => sum + count, 0);
    const besides = { migrations: rows[0]?.count ?? 0, migration_ms: migrationMs, p99_ms: percentile(times, 0.99), slowest_ms: slowest };
    return { operations, faults: 1 + turns, figure: failed + lost + missing.rows.length, bound: 0, complaints, besides };
  },
};
