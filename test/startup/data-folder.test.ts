import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { lockDataFolder } from "../../src/db/data-folder.ts";
import { StartupError } from "../../src/db/startup-error.ts";
import { expectSentence } from "../support/sentence.ts";
import { runUserd, startService, startUserd, temporaryFolder } from "../support/userd.ts";

/** A folder that userd has stored something in; each test damages a copy. */
let good: string;
beforeAll(async () => {
  const home = await temporaryFolder();
  good = join(home.path, "data");
  expect(await runUserd(["migrate"], { settings: { DATABASE_URL: `pglite:${good}` } })).toMatchObject({ code: 0 });
  return () => home[Symbol.asyncDispose]();
});

/** The content of all files; what a start may write anew is left out. */
const contentOf = async (folder: string): Promise<Map<string, string>> => {
  const content = new Map<string, string>();
  for (const file of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(file.parentPath, file.name);
    if (!file.isFile() || /^(userd\.(pid|lock)|postmaster\.pid)$/.test(file.name)) continue;
    content.set(
      path,
      createHash("sha256")
        .update(await readFile(path))
        .digest("hex"),
    );
  }
  return content;
};

/** Files that stand for a database where it is not opened. */
const outline = async (folder: string) => {
  await mkdir(join(folder, "base"), { recursive: true });
  await writeFile(join(folder, "base/1"), "data");
  for (const name of ["PG_VERSION", "userd.key", "userd.lock"]) await cp(join(good, name), join(folder, name));
};
const copy = (folder: string) => cp(good, folder, { recursive: true });

/** A data folder, damaged; `unchanged` fails when a file of it is not as it was. */
const damaged = async (make: (folder: string) => Promise<unknown>, damage: (folder: string) => Promise<unknown>) => {
  const home = await temporaryFolder();
  const folder = join(home.path, "data");
  await make(folder);
  await damage(folder);
  const before = await contentOf(folder);
  const unchanged = async () => expect(await contentOf(folder)).toEqual(before);
  return { folder, unchanged, [Symbol.asyncDispose]: () => home[Symbol.asyncDispose]() };
};

/** What is wrong inside the database shows when it is opened: in a process, since it aborts its WebAssembly. */
describe("a database that is damaged inside", { concurrent: true, timeout: 60_000 }, () => {
  test.for<[what: string, damage: (folder: string) => Promise<unknown>]>([
    ["garbage in PG_VERSION", (folder) => writeFile(join(folder, "PG_VERSION"), "garbage")],
    ["a truncated global/pg_control", (folder) => truncate(join(folder, "global/pg_control"), 0)],
  ])("(%s) is refused in one sentence and left as it is", async ([, damage]) => {
    await using data = await damaged(copy, damage);
    const refused = await runUserd(["serve"], { settings: { DATABASE_URL: `pglite:${data.folder}` } });
    expectSentence(refused, 1, /The data folder .* can't be opened: it is damaged\. Restore it from a backup/);
    await data.unchanged();
  });
});

test.for<[what: string, sentence: RegExp, damage: (folder: string) => Promise<unknown>]>([
  ["no PG_VERSION", /is damaged: PG_VERSION is missing/, (folder) => rm(join(folder, "PG_VERSION"))],
  ["a key that is none", /The key in .*userd\.key is damaged/, (folder) => writeFile(join(folder, "userd.key"), "abc\n")],
  ["no key", /has no userd\.key: it is not userd's, or the key is lost/, (folder) => rm(join(folder, "userd.key"))],
  [
    "a folder in the place of the key",
    /The key in .*userd\.key is damaged/,
    async (folder) => {
      await rm(join(folder, "userd.key"));
      await mkdir(join(folder, "userd.key"));
    },
  ],
  [
    "files of somebody else",
    /holds files that are not userd's \(photo\.jpg\)/,
    (folder) => writeFile(join(folder, "photo.jpg"), "a photo"),
  ],
])("a data folder with %s is refused and left as it is", async ([, sentence, damage]) => {
  await using data = await damaged(outline, damage);
  expect(() => lockDataFolder(data.folder)).toThrow(StartupError);
  expect(() => lockDataFolder(data.folder)).toThrow(sentence);
  await data.unchanged();
});

test("a folder of other files gets no file of ours", async () => {
  await using home = await temporaryFolder();
  await writeFile(join(home.path, "photo.jpg"), "a photo");
  const refused = await runUserd(["serve"], { settings: { DATABASE_URL: `pglite:${home.path}` } });
  expectSentence(refused, 1, /holds files that are not userd's \(photo\.jpg\): give userd a folder of its own/);
  expect(await readdir(home.path)).toEqual(["photo.jpg"]);
});

test("a file in the place of the folder is refused and left as it is", async () => {
  await using home = await temporaryFolder();
  const file = join(home.path, "data");
  await writeFile(file, "a file");
  expect(() => lockDataFolder(file)).toThrow(/can't be used: it is a file\./);
  expect(() => lockDataFolder(join(file, "data"))).toThrow(/can't be used: it is a file\./);
  expect(await readFile(file, "utf8")).toBe("a file");
});

test("a folder in use is refused, naming the process that has it", { timeout: 60_000 }, async () => {
  await using data = await damaged(copy, async () => {});
  const settings = { DATABASE_URL: `pglite:${data.folder}` };
  await using service = await startService(settings);
  const sentence = new RegExp(`is in use by process ${service.process.pid}\\.`);
  expectSentence(await runUserd(["serve"], { settings }), 1, sentence);
  expect(() => lockDataFolder(data.folder)).toThrow(sentence);
});

test("a first start that is killed in the middle does not spoil the folder", { timeout: 60_000 }, async () => {
  await using home = await temporaryFolder();
  const folder = join(home.path, "data");
  const settings = { DATABASE_URL: `pglite:${folder}` };
  await using userd = startUserd(["migrate"], { settings });
  await expect.poll(() => readdir(folder).catch(() => []), { timeout: 30_000, interval: 5 }).toContain("userd.unfinished");
  userd.process.kill("SIGKILL");
  await userd.ended;
  // Whatever the kill left, here is more of it: some of the database's files and not others.
  await cp(join(good, "base"), join(folder, "base"), { recursive: true });
  await cp(join(good, "PG_VERSION"), join(folder, "PG_VERSION"));
  expect(await runUserd(["migrate"], { settings })).toMatchObject({ code: 0 });
  expect(await readdir(folder)).not.toContain("userd.unfinished");
});
