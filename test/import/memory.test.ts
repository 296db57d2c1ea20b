import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { expect } from "vitest";
import { exportEmail, exportOption, exportUser } from "../support/exports.ts";
import { runUserd, temporaryFolder } from "../support/userd.ts";
import { test } from "./fixture.ts";

const USERS = 30_000;
const OPTIONS_PER_USER = 8;

/** 300,000 records, about 95 MB. */
const fileOf = function* (users: number) {
  for (let user = 1; user <= users; user += 1) {
    const options = Array.from({ length: OPTIONS_PER_USER }, (_, index) =>
      exportOption(user * OPTIONS_PER_USER + index, { user, key: `key-${index}`, value: JSON.stringify({ text: "x".repeat(100) }) }),
    );
    const records = [exportUser(user), exportEmail(user), ...options];
    yield `${user === 1 ? "[" : ","}${records.map((record) => JSON.stringify(record)).join(",")}`;
  }
  yield "]";
};

const peak = `
  import { readFileSync } from "node:fs";
  process.on("exit", () => console.error("peak", /VmHWM:\\s*(\\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]));
`;

/** Imports a file of so many users, each with its address and options; returns what was printed, and the most memory that it took, in kilobytes. */
const importOf = async (databaseUrl: string, users: number) => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "export.json");
  await pipeline(Readable.from(fileOf(users)), createWriteStream(path));
  const settings = {
    DATABASE_URL: databaseUrl,
    LOG_LEVEL: "warn",
    // The child says how much memory it had at most, in kilobytes. Not by resourceUsage(): that counts what its parent
    // had when it was forked, and the tests' own process is a large one.
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(peak)}`,
  };
  const { code, stdout, stderr } = await runUserd(["import", path, "--json"], { settings });
  expect(code, stderr).toBe(0);
  return { printed: JSON.parse(stdout), peak: Number(/peak (\d+)/.exec(stderr)?.[1]) };
};

test("a file of 300,000 records is imported in little memory: it is read as a stream", { timeout: 180_000 }, async ({ ownUrl }) => {
  // The first tells what the program takes for itself: some 200 MB, and 50 MB more for the file.
  const { peak: least } = await importOf(ownUrl, 1);
  const { printed, peak } = await importOf(ownUrl, USERS);
  expect(printed).toMatchObject({ records: 300_000, models: [{ created: USERS - 1 }, { created: USERS - 1 }, {}] });
  expect(peak - least).toBeLessThan(150_000);
});
