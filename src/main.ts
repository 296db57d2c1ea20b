import { once } from "node:events";
import type { Logger } from "pino";
import { type AppOptions, startApp } from "./app.ts";
import type { Config } from "./config.ts";
import { formatAddress } from "./server/sockets.ts";
import { createLogger } from "./telemetry/logger.ts";

/**
 * Kysely prints to the console what a statement says after its call has ended, in the database's own words: these can
 * hold values, and are no lines of ours.
 */
const silenceConsole = (log: Logger): void => {
  const note = () => log.debug("a library wrote to the console");
  Object.assign(console, { debug: note, log: note, info: note, warn: note, error: note });
};

/** Runs the service until SIGTERM or SIGINT, then drains. */
export const main = async (config: Config, options: AppOptions): Promise<void> => {
  const log = createLogger(config.logLevel);
  silenceConsole(log);
  const stopped = Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
  await using app = await startApp(config, log, options);
  const [grpc, http] = [formatAddress(app.grpcAddress), formatAddress(app.httpAddress)];
  process.stdout.write(
    `userd is ready: gRPC on ${grpc}, HTTP on ${http}\nTry: curl http://${http}/users.v1.UserService/CreateUser -H 'content-type: application/json' -d '{"user":{"email":"ann@example.com"}}'\n`,
  );
  await stopped;
};
