import cluster from "node:cluster";
import { once } from "node:events";
import { type AppOptions, prepareDatabase, startApp } from "./app.ts";
import type { Config } from "./config.ts";
import { formatAddress } from "./server/sockets.ts";
import { silenceConsole } from "./telemetry/console.ts";
import { createLogger } from "./telemetry/logger.ts";
import { assertWorkers, superviseWorkers } from "./workers.ts";

const say = (line: string): void => void process.stdout.write(line);

/** Runs the service until SIGTERM or SIGINT, then drains. With several workers, this process only looks after them. */
export const main = async (config: Config, options: AppOptions, workers: number): Promise<void> => {
  const log = createLogger(config.logLevel);
  silenceConsole(log);
  if (workers > 1 && cluster.isPrimary) {
    assertWorkers(workers, config);
    // Once, before anybody serves.
    await prepareDatabase(config, log, options);
    return superviseWorkers(workers, log, say);
  }
  // Until it has started, a signal simply ends the process: there is nothing to drain, and the database outlives a kill.
  await using app = await startApp(config, log, cluster.isWorker ? { migrate: false } : options);
  const stopped = Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
  const [grpc, http] = [formatAddress(app.grpcAddress), formatAddress(app.httpAddress)];
  const line = `userd is ready: gRPC on ${grpc}, HTTP on ${http}\nTry: curl http://${http}/users.v1.UserService/CreateUser -H 'content-type: application/json' -d '{"user":{"email":"ann@example.com"}}'\n`;
  if (cluster.isWorker) process.send?.({ ready: line });
  else say(line);
  process.on("SIGHUP", () => void app.reload());
  await stopped;
};
