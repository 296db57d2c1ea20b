import { type DestinationStream, destination, type Logger, pino } from "pino";
import type { Config } from "../config.ts";
import { describeError } from "./error.ts";

/** The fields that could hold a secret if somebody logs a whole object by mistake; the rule remains: log no contents. */
const secrets = ["authorization", "token", "password", "secret", "email", "ip"];

/**
 * JSON lines, one per event. They go to stderr: stdout carries the one line for people that says the service is ready,
 * and what commands print. Writes are synchronous, so that the last lines before an exit are not lost.
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
