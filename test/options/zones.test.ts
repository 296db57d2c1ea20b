import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { isTimezone } from "../../src/options/registry/timezone.ts";

const listed = spawnSync("python3", ["-c", "import zoneinfo; print('\\n'.join(sorted(zoneinfo.available_timezones())))"], {
  encoding: "utf8",
});
const hasPython = listed.status === 0 && listed.stdout.includes("Europe/Vienna");
if (process.env["REQUIRE_TOOLS"] === "1" && !hasPython) throw new Error("python3 with a time zone database is missing.");

test.skipIf(!hasPython)("zones that are taken are those that Python's zoneinfo knows", () => {
  const file = createRequire(import.meta.url).resolve("tzdata");
  const taken = Object.keys((JSON.parse(readFileSync(file, "utf8")) as { zones: object }).zones);
  const known = listed.stdout.trim().split("\n");
  // A database that is older than ours lacks the youngest zones; the last one was made in 2025.
  expect(taken.filter((zone) => !known.includes(zone) && zone !== "America/Coyhaique")).toEqual([]);
  // What Debian adds is no zone of the database.
  expect(known.filter((zone) => !isTimezone(zone) && zone !== "localtime")).toEqual([]);
});
