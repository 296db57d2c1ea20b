import cluster from "node:cluster";
import { once } from "node:events";
import type { Logger } from "pino";
import { type AppOptions, prepareDatabase, startApp } from "./app.ts";
import type { Config } from "./config.ts";
import { boundGarbage, keepCallsYoung, keepOptimizedCode, keepTicksFast } from "./heap.ts";
import { formatAddress } from "./server/sockets.ts";
import { silenceConsole } from "./telemetry/console.ts";
import { createLogStream } from "./telemetry/log-stream.ts";
import { createLogger } from "./telemetry/logger.ts";
import { assertWorkers, superviseWorkers } from "./workers.ts";

/** The time that the reader of the log has for the last lines, in milliseconds. */
const LAST_LINES_MS = 1_000;

const print = (line: string): void => void process.stdout.write(line);

/** Serves in this process until SIGTERM or SIGINT, then drains. */
const serve = async (config: Config, log: Logger, options: AppOptions, ready: (line: string) => void): Promise<void> => {
  keepCallsYoung();
  keepTicksFast();
  keepOptimizedCode();
  // Until it has started, a signal simply ends the process: there is nothing to drain, and the database outlives a kill.
  await using app = await startApp(config, log, options);
  const stopped = Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
  boundGarbage();
  const [grpc, http] = [formatAddress(app.grpcAddress), formatAddress(app.httpAddress)];
  const [scheme, encrypted] = config.tls === undefined ? ["http", ""] : ["https", " over TLS"];
  const { kind } = config.database;
  const workers = `Workers: ${config.workers}${kind === "pglite" ? ", since the database is embedded" : `, each with up to ${config.poolSize} connections to PostgreSQL`}\n`;
  const admin = app.adminAddress === undefined ? "" : `Health and metrics on ${formatAddress(app.adminAddress)}\n`;
  ready(
    `userd is ready: gRPC on ${grpc}, HTTP on ${http}${encrypted}\n${workers}${admin}Try: curl ${scheme}://${http}/userd.v1.UserService/CreateUser -H 'content-type: application/json' -d '{"user":{"email":"ann@example.com"}}'\n`,
  );
  process.on("SIGHUP", () => void app.reload());
  await stopped;
};

/** Runs the service until SIGTERM or SIGINT, then drains. With several workers, this process only supervises them. */
export const main = async (config: Config, options: AppOptions): Promise<void> => {
  const { workers } = config;
  const lines = createLogStream((lost) => log.warn({ lost }, "lines of the log were lost, since nobody read them"));
  const log = createLogger(config.logLevel, lines);
  process.on("exit", lines.flushSync);
  silenceConsole(log);
  if (cluster.isWorker) {
    try {
      await serve(config, log, { migrate: false, lostLines: lines.lost }, (line) => process.send?.({ ready: line }));
    } catch (error) {
      // Neither is its channel to the primary process to keep this one alive, nor is the end of the channel to end it with the code 0.
      process.channel?.unref();
      throw error;
    }
    process.disconnect();
  } else if (workers > 1) {
    assertWorkers(config);
    await prepareDatabase(config, log, options);
    await superviseWorkers(workers, log, print);
  } else {
    await serve(config, log, { ...options, lostLines: lines.lost }, print);
  }
  // Nobody reads it: what waits would keep the process.
  if (!(await lines.drained(LAST_LINES_MS))) process.exit();
};
