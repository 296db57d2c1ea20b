import { type DestinationStream, destination, type Logger, pino } from "pino";
import type { Config } from "../config.ts";
import { describeError } from "./error.ts";

/** The fields that could hold a secret, for a whole object that is logged by mistake; the rule is to log no contents. */
const secrets = ["authorization", "token", "password", "secret", "email", "ip"];

/**
 * Makes the logger: one line of JSON per event, to stderr, since stdout has the output of commands and the one line that says that the
 * service is ready. Commands write synchronously, so that the last lines before an exit are not lost; the service has a stream that never
 * waits (log-stream.ts).
 */
export const createLogger = (level: Config["logLevel"], stream: DestinationStream = destination({ fd: 2, sync: true })): Logger =>
  pino(
    {
      level,
      // No pid and host: whatever collects the lines knows them.
      base: {},
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
      redact: { paths: secrets.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: "[redacted]" },
    },
    stream,
  );
