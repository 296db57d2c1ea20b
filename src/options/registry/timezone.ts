import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

let zones: ReadonlySet<string> | undefined;

/** The names of zones, without their rules. Read when the first zone is checked. */
const readZones = (): ReadonlySet<string> => {
  const file = createRequire(import.meta.url).resolve("tzdata");
  return new Set(Object.keys((JSON.parse(readFileSync(file, "utf8")) as { zones: object }).zones));
};

/**
 * Tells whether a text is a time zone of the IANA database, or an alias of one, in its exact spelling. Unlike `Intl`, it refuses names such as
 * PST.
 */
export const isTimezone = (name: string): boolean => {
  zones ??= readZones();
  return zones.has(name);
};
