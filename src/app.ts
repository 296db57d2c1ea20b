import type { Logger } from "pino";
import { openCache } from "./cache/open.ts";
import { startPruner } from "./changes/pruner.ts";
import type { Config } from "./config.ts";
import { databaseError } from "./db/faults.ts";
import { assertMigrated, migrate } from "./db/migrate.ts";
import { type OwnedDatabase, openForCommand } from "./db/open.ts";
import { SILENCE_MS } from "./db/orm.ts";
import { warnOfConnections } from "./db/room.ts";
import { assertApplied } from "./kinds/mounted/applied.ts";
import { loadKinds } from "./kinds/mounted/load.ts";
import { startPurger } from "./lifecycle/purger.ts";
import { startSweeper } from "./lifecycle/sweeper.ts";
import { alignOptionIndexes } from "./options/option-index.ts";
import { createOptionRegistry } from "./options/registry/registry.ts";
import { assertExposure } from "./server/callers/exposure.ts";
import { type Listeners, startListeners } from "./server/listeners.ts";
import type { Route } from "./server/route.ts";
import { type AllDependencies, createDependencies } from "./services/dependencies.ts";
import { createRoutes } from "./services/routes.ts";
import { watchCache } from "./telemetry/cache-metrics.ts";
import { watchPlaces } from "./telemetry/database-metrics.ts";
import { createMetrics, watchLog } from "./telemetry/metrics.ts";
import { startCacheSampler } from "./users/cache-sampler.ts";

/** The options of the command `userd serve` besides the settings: whether to migrate the database, and the file to import. */
export type AppOptions = {
  /** Whether to migrate the database first. If not, the start fails when a migration is pending. */
  readonly migrate: boolean;
  /** The path of an export to import before serving; `-` is standard input. */
  readonly importFile?: string;
  /** Returns how many lines of the log were lost; counted in the metrics. */
  readonly lostLines?: () => number;
  /** False: this process gives positions to changes only when it is asked. Only the bench sets it: it measures what the sequencer costs. */
  readonly isSequencing?: false;
  /** Makes routes besides those of the API. Only the bench sets it: it compares RPCs with the same ones written by hand. */
  readonly furtherRoutes?: (dependencies: AllDependencies) => readonly Route[];
};

/** The running service. Disposing it drains the listeners, and then closes all that was opened, in reverse order. */
export type App = Pick<Listeners, "grpcAddress" | "httpAddress" | "adminAddress" | "drain"> &
  AsyncDisposable & {
    /** Reads the callers' file and the file of option definitions again. A broken file is logged, and changes nothing. */
    readonly reload: () => Promise<void>;
  };

const prepare = async (
  db: OwnedDatabase,
  config: Config,
  log: Logger,
  { migrate: migrateFirst, importFile }: AppOptions,
): Promise<void> => {
  if (migrateFirst) await migrate(db, log);
  else await assertMigrated(db);
  await assertApplied(db);
  if (importFile === undefined) return;
  const { importBeforeServing } = await import("./import/before-serving.ts");
  await importBeforeServing(db, importFile, config.systemUsername);
};

/** Migrates the database, or checks that it is migrated, and imports the file of `--import`. Called once, before any worker starts. */
export const prepareDatabase = async (config: Config, log: Logger, options: AppOptions): Promise<void> => {
  await using db = await openForCommand(config, log, loadKinds(config).kinds);
  await prepare(db, config, log, options);
  await warnOfConnections(db, config, log);
};

/** Starts the service: database, cache, background jobs and both ports. If it throws (ConfigError or StartupError), nothing stays open. */
export const startApp = async (config: Config, log: Logger, options: AppOptions): Promise<App> => {
  await using stack = new AsyncDisposableStack();
  assertExposure(config);

  const metrics = createMetrics();
  watchLog(metrics.registry, options.lostLines);
  const { kinds } = loadKinds(config);
  const registry = createOptionRegistry(config, log, metrics.registry);

  const db = stack.use(await openForCommand({ ...config, silenceMs: SILENCE_MS }, log, kinds));
  watchPlaces(metrics.registry, db.places);
  await prepare(db, config, log, options);
  await alignOptionIndexes(db, registry, log);

  const cache = stack.use(await openCache(db, config, log));
  watchCache(metrics.registry, cache);
  const dependencies = createDependencies(db, config, { metrics: metrics.registry, registry, cache, log });
  if (config.cache.isCaching && config.cache.sampleMs > 0)
    stack.use(startCacheSampler(db, dependencies.users, config.cache, metrics.registry));
  cache.onNotified(dependencies.feed.heard);
  if (options.isSequencing !== false) stack.use(dependencies.feed.start());
  stack.use(startPruner(db, config, log));
  stack.use(startSweeper(db, log));
  stack.use(startPurger(db, dependencies.systemUser, config.cache.boundMs, log, dependencies.eraser));
  const { grpcAddress, httpAddress, adminAddress, drain, ...listeners } = stack.use(
    await startListeners({
      config,
      routes: [...createRoutes(dependencies), ...(options.furtherRoutes?.(dependencies) ?? [])],
      permissions: kinds.permissions,
      log,
      metrics,
      explain: databaseError(db.kinds),
      permit: dependencies.permits.before,
      messageTypes: kinds.served.map(({ message }) => message),
      closing: dependencies.feed.watchers.end,
      ready: db.answers,
    }),
  );

  const running = stack.move();
  const reload = async () => {
    listeners.reload();
    if (!registry.reload()) return;
    await alignOptionIndexes(db, registry, log).catch((error: unknown) =>
      log.error({ err: error }, "the indexes of options could not be aligned; the next reload or start tries again"),
    );
  };
  return { grpcAddress, httpAddress, adminAddress, drain, reload, [Symbol.asyncDispose]: () => running.disposeAsync() };
};
