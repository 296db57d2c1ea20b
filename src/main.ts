import cluster from "node:cluster";
import { once } from "node:events";
import type { Logger } from "pino";
import { type AppOptions, prepareDatabase, startApp } from "./app.ts";
import type { Config } from "./config.ts";
import { boundGarbage, keepCallsYoung, keepTicksFast } from "./heap.ts";
import { formatAddress } from "./server/sockets.ts";
import { silenceConsole } from "./telemetry/console.ts";
import { createLogger } from "./telemetry/logger.ts";
import { assertWorkers, superviseWorkers } from "./workers.ts";

const print = (line: string): void => void process.stdout.write(line);

/** Serves in this process until SIGTERM or SIGINT, then drains. */
const serve = async (config: Config, log: Logger, options: AppOptions, ready: (line: string) => void): Promise<void> => {
  keepCallsYoung();
  keepTicksFast();
  // Until it has started, a signal simply ends the process: there is nothing to drain, and the database outlives a kill.
  await using app = await startApp(config, log, options);
  const stopped = Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
  boundGarbage();
  const [grpc, http] = [formatAddress(app.grpcAddress), formatAddress(app.httpAddress)];
  const [scheme, encrypted] = config.tls === undefined ? ["http", ""] : ["https", " over TLS"];
  ready(
    `userd is ready: gRPC on ${grpc}, HTTP on ${http}${encrypted}\nTry: curl ${scheme}://${http}/userd.v1.UserService/CreateUser -H 'content-type: application/json' -d '{"user":{"email":"ann@example.com"}}'\n`,
  );
  process.on("SIGHUP", () => void app.reload());
  await stopped;
};

/** Runs the service until SIGTERM or SIGINT, then drains. With several workers, this process only supervises them. */
export const main = async (config: Config, options: AppOptions, workers: number): Promise<void> => {
  const log = createLogger(config.logLevel);
  silenceConsole(log);
  if (cluster.isWorker) {
    try {
      await serve(config, log, { migrate: false }, (line) => process.send?.({ ready: line }));
    } finally {
      // Else its channel to the primary process would keep this one alive.
      process.disconnect();
    }
  } else if (workers > 1) {
    assertWorkers(workers, config);
    await prepareDatabase(config, log, options);
    await superviseWorkers(workers, log, print);
  } else {
    await serve(config, log, options, print);
  }
};
