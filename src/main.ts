import { once } from "node:events";
import { type AppOptions, startApp } from "./app.ts";
import type { Config } from "./config.ts";
import { formatAddress } from "./server/sockets.ts";
import { silenceConsole } from "./telemetry/console.ts";
import { createLogger } from "./telemetry/logger.ts";

/** Runs the service until SIGTERM or SIGINT, then drains. */
export const main = async (config: Config, options: AppOptions): Promise<void> => {
  const log = createLogger(config.logLevel);
  silenceConsole(log);
  // Until it has started, a signal simply ends the process: there is nothing to drain, and the database outlives a kill.
  await using app = await startApp(config, log, options);
  const stopped = Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
  const [grpc, http] = [formatAddress(app.grpcAddress), formatAddress(app.httpAddress)];
  process.stdout.write(
    `userd is ready: gRPC on ${grpc}, HTTP on ${http}\nTry: curl http://${http}/users.v1.UserService/CreateUser -H 'content-type: application/json' -d '{"user":{"email":"ann@example.com"}}'\n`,
  );
  process.on("SIGHUP", () => void app.reload());
  await stopped;
};
