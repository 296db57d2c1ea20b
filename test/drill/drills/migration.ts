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

type Ledger = { readonly userId: bigint; acknowledged: number };

/** A database is migrated while the version before goes on, and both versions serve it side by side. */
export const migration: Drill = {
  rows: [18],
  name: "migration",
  about:
    "the version from before the newest migration serves calls while `userd migrate` runs, and goes on beside this version; counts calls that failed, and writes that are not found by both",
  lacks: lacksEarlierVersion,
  run: async ({ postgresUrl, of, stack }) => {
    const before = checkOutEarlierVersion(stack);
    const { url } = stack.use(await newDatabase(postgresUrl, "userd_migration"));
    const settings = { DATABASE_URL: url, LOG_LEVEL: "fatal" };
    const failures = new Map<string, number>();
    const times: number[] = [];
    let [operations, isOver] = [0, false];
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
    const work = async ({ users, options, profiles, organizations }: Clients, ledger: Ledger): Promise<void> => {
      const { userId } = ledger;
      while (!isOver) {
        const next = ledger.acknowledged + 1;
        if (await call(() => options.setOption({ userId, key: "n", value: value(next) }))) ledger.acknowledged = next;
        await call(() => options.getOption({ userId, key: "n" }));
        await call(() => users.getUser({ id: userId, consistency: strong }));
        await call(() => users.listUsers({ pageSize: 20 }));
        await call(() => users.updateUser({ user: { id: userId, name: `Number ${next}` }, updateMask: { paths: ["name"] } }));
        await call(() => profiles.createAccount({ account: { name: unique("Migrated ") } }));
        await call(() => organizations.createOrganization({ organization: { name: unique("Migrated ") }, ownerUserId: userId }));
      }
    };

    const old = stack.use(await startService(settings, [], before));
    const oldClients = connect(old);
    const ledgers = (await createUsers(oldClients, 2 * LOOPS)).map(({ id }): Ledger => ({ userId: id, acknowledged: 0 }));
    await createUsers(oldClients, of(50, 1_000));
    const running = ledgers.slice(0, LOOPS).map((ledger) => work(oldClients, ledger));
    await delay(of(1_000, 5_000));
    const began = performance.now();
    const migrated = await runUserd(["migrate"], { settings });
    const migrationMs = Math.round(performance.now() - began);
    const complaints: string[] = [];
    if (migrated.code !== 0) complaints.push(`the migration ended with ${migrated.code}: ${migrated.stderr.slice(-300)}`);
    const now = stack.use(await startService(settings));
    const newClients = connect(now);
    running.push(...ledgers.slice(LOOPS).map((ledger) => work(newClients, ledger)));
    await delay(of(3_000, 30_000));
    isOver = true;
    await Promise.all(running);

    let lost = 0;
    for (const { userId, acknowledged } of ledgers) {
      for (const { options } of [oldClients, newClients]) {
        const { value: found } = await options.getOption({ userId, key: "n", consistency: strong });
        if (found?.kind.case !== "numberValue" || found.kind.value < acknowledged) lost += 1;
      }
    }
    if (lost > 0) complaints.push(`${lost} acknowledged writes are not found by one of the versions`);
    const admin = new pg.Client(url);
    await admin.connect();
    const { rows } = await admin.query<{ count: number }>("select count(*)::int as count from userd_migrations");
    await admin.end();
    const slowest = Math.round(Math.max(...times));
    if (slowest > MAX_CALL_MS) complaints.push(`a call took ${slowest} ms`);
    for (const [name, count] of failures) complaints.push(`${count} calls failed with ${name}`);
    const failed = [...failures.values()].reduce((sum, count) => sum + count, 0);
    const besides = { migrations: rows[0]?.count ?? 0, migration_ms: migrationMs, p99_ms: percentile(times, 0.99), slowest_ms: slowest };
    return { operations, faults: 1, figure: failed + lost, bound: 0, complaints, besides };
  },
};
