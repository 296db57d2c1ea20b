import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import type { Client } from "@connectrpc/connect";
import { sql } from "kysely";
import { describe, expect } from "vitest";
import { type Database, openDatabase } from "../../src/db/orm.ts";
import type { ReleaseService } from "../../src/gen/userd/kinds/v1/release_service_pb.ts";
import { exportAll } from "../../src/lifecycle/export/export-all.ts";
import { exportResumable } from "../../src/lifecycle/export/export-resumable.ts";
import { storeExport } from "../../src/lifecycle/export/store.ts";
import { toValue } from "../../src/options/value.ts";
import { kinds } from "../../src/schema/entities.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { fileText } from "../import/accounting/fixture.ts";
import { test as base, importRecords, rowsOf } from "../import/fixture.ts";
import { isOwned, makerOf } from "../kinds/maker.ts";
import { serviceWith } from "../options/service-with.ts";
import { createUser, value } from "../support/build.ts";
import { collect } from "../support/collect.ts";
import { cloneDatabase, silent } from "../support/database.ts";
import { expectRefusal } from "../support/errors.ts";
import { test } from "../support/service.ts";
import { runUserd } from "../support/userd.ts";

type Manifest = {
  readonly exportTime: string;
  readonly tables: readonly { readonly table: string; readonly kind: string; readonly rows: number }[];
};

const manifestOf = (text: string): Manifest => JSON.parse(text.slice(0, text.indexOf("\n"))) as Manifest;

/** An export without the time at which it was made. */
const timeless = (text: string): string => text.replace(manifestOf(text).exportTime, "");

/** Exports everything, with its secrets. */
const exported = async (db: Database, withSecrets = true, organizationId?: bigint): Promise<string> => {
  let text = "";
  const write = async (lines: Uint8Array) => {
    text += Buffer.from(lines).toString();
  };
  await exportAll(db, { organizationId, withSecrets }, { write }, () => {});
  return text;
};

/** Exports everything to where the first line can be written last. */
const exportedAtOnce = async (db: Database): Promise<string> => {
  let [text, first] = ["", ""];
  const write = async (lines: Uint8Array) => {
    text += Buffer.from(lines).toString();
  };
  const writeFirst = async (line: string) => {
    first = line;
  };
  await exportAll(db, { organizationId: undefined, withSecrets: true }, { write, writeFirst }, () => {});
  expect(text.slice(0, first.length).trim(), "without its first line nobody takes it for an export").toBe("");
  return first + text.slice(first.length);
};

const stored = (db: Database, text: string, dryRun = false) => storeExport(db, createInterface({ input: Readable.from([text]) }), dryRun);

/** A database of its own, opened. */
const openClone = async () => {
  const { url, [Symbol.asyncDispose]: drop } = await cloneDatabase();
  const db = await openDatabase({ database: { kind: "postgres", url }, poolSize: 2 }, silent);
  return { url, db, [Symbol.asyncDispose]: () => db[Symbol.asyncDispose]().then(drop) };
};

const folderFor = () => mkdtemp(join(tmpdir(), "userd-export-"));

describe("everything", () => {
  base(
    "U44 an export of everything that is read into an empty service is equal there, byte for byte",
    { timeout: 180_000 },
    async ({ own: db, ownUrl }) => {
      await importRecords(db, fileText("accounting/files/all-of-sentry"), { ids: "new" });
      await using service = await serviceWith(ownUrl, {});
      const [organization] = await rowsOf(db, sql<{ id: string }>`select id from organization order by id limit 1`);
      const [profile] = await rowsOf(db, sql<{ id: string }>`select id from user_profile order by id limit 1`);
      for (const kind of kinds) await (await makerOf(service, kind, BigInt((isOwned(kind) ? profile : organization)?.id ?? 0))).create();
      const [from, to] = [await createUser(service), await createUser(service)];
      for (const user of [from, to]) await service.options.setOption({ userId: user.id, key: "null", value: toValue(null) });
      const pair = { fromUserId: from.id, toUserId: to.id };
      await service.users.mergeUsers({ ...pair, planEtag: (await service.users.planUserMerge(pair)).plan?.etag ?? "" });
      await service.users.setUserHold({ userId: to.id, reason: "case 7" });
      await service.users.purgeUser({ id: (await createUser(service)).id });

      // More rows than are hashed together.
      await rowsOf(db, sql`insert into user_ip (user_id, ip) select ${to.id}, ('10.0.0.0'::inet + n) from generate_series(1, 2500) n`);

      const text = await exported(db);
      const filled = new Set(manifestOf(text).tables.map(({ table }) => table));
      expect(kinds.filter(({ table }) => !filled.has(table)).map(({ table }) => table)).toEqual([]);

      const once = await exportedAtOnce(db);
      expect(timeless(once.replace(/ +\n/, "\n"))).toBe(timeless(text));
      await using empty = await openClone();
      await stored(empty.db, once, true);
      expect(await stored(empty.db, text)).toMatchObject({
        exportTime: manifestOf(text).exportTime,
        tables: manifestOf(text).tables.length,
      });
      expect(timeless(await exported(empty.db))).toBe(timeless(text));
      await expect(stored(empty.db, text)).rejects.toThrow("not empty");
      // Ids go on after those that came.
      await using there = await serviceWith(empty.url, {});
      expect((await createUser(there)).id).toBeGreaterThan(to.id);

      await using elsewhere = await openClone();
      const ofOne = await exported(db, true, BigInt(organization?.id ?? 0));
      await stored(elsewhere.db, ofOne);
      expect(timeless(await exported(elsewhere.db, true, BigInt(organization?.id ?? 0)))).toBe(timeless(ofOne));
      const had = new Set(manifestOf(ofOne).tables.map(({ table }) => table));
      expect(kinds.filter((kind) => !isOwned(kind) && !had.has(kind.table)).map(({ table }) => table)).toEqual([]);
      expect(await rowsOf(elsewhere.db, sql`select id from organization`)).toEqual([{ id: organization?.id }]);

      await using other = await openClone();
      for (const [changed, sentence] of [
        [text.replace('"username":"', '"username":"x'), "digest differs"],
        [text.slice(0, text.lastIndexOf("\n", text.length - 2)), "cut off"],
        [text.replace('"version":1', '"version":2'), "update userd first"],
        [`${text}{}\n`, "goes on"],
        ["{}\n", "manifest"],
        [await exported(db, false), "export with --secrets"],
      ] as const)
        await expect(stored(other.db, changed)).rejects.toThrow(sentence);
      await stored(other.db, text, true);
    },
  );
});

test("U44 an export of a user has all that is the user's, marked, and is equal after it was read elsewhere", { timeout: 120_000 }, async ({
  clients,
}) => {
  const own = clients["grpc-js"];
  const user = await createUser(own, { name: "Ann" });
  const userId = user.id;
  await own.options.setOption({ userId, key: "plan", value: value({ deep: [1, null, "ä"] }) });
  await own.users.setPassword({ userId, password: "correct horse battery" });
  await own.users.addAuthenticator({ userId, type: 1, config: value({ secret: "s" }) });
  const { provider } = await own.users.createIdentityProvider({ provider: { type: "github" } });
  await own.users.linkIdentity({ userId, providerId: provider?.id ?? 0n, externalId: "7" });
  await own.users.createRole({ role: { name: "export-role", permissions: ["a.b"] } });
  await own.users.assignRole({ userId, roleName: "export-role" });
  const { organization } = await own.organizations.createOrganization({ organization: { name: "Acme" }, ownerUserId: userId });
  const { account } = await own.profiles.createAccount({ account: { name: "Acme" } });
  const { profile } = await own.profiles.createProfile({ profile: { userId, accountId: account?.id ?? 0n } });
  await own.profiles.registerResources({ resources: [{ kind: "page", ownerProfileId: profile?.id ?? 0n, name: "a" }] });
  const releases = own.families["ReleaseService"] as unknown as Client<typeof ReleaseService>;
  const { release } = await releases.createRelease({
    release: { organizationId: organization?.id ?? 0n, version: "1", ownerUserId: userId },
  });

  const lines = async (client: typeof own, includeSecrets: boolean) =>
    (await collect(client.users.exportUser({ userId, includeSecrets }))).map(({ line }) => line);
  const exported = await lines(own, false);
  const text = `${exported.join("\n")}\n`;
  const { tables } = manifestOf(text);
  const tableOf = (kind: string) => tables.filter((one) => one.kind === kind).map(({ table }) => table);
  expect(tableOf("personal")).toEqual([
    ...["users", "user_email", "user_option", "role_member", "identity", "authenticator", "account_contact", "user_profile", "resource"],
    ...["option_revision", "organization_member"],
  ]);
  expect(tableOf("context")).toEqual(["role", "role_permission", "identity_provider", "account", "organization"]);
  expect(exported.filter((line) => line.includes('"mention"') && line.startsWith('{"table"'))).toEqual([
    `{"table":"release","kind":"mention","row":{"id": ${release?.id}, "owner_user_id": ${userId}}}`,
  ]);
  expect(text).not.toMatch(/argon2|"config"/);
  expect((await lines(own, true)).join("\n")).toMatch(/argon2.*"config"/s);
  await expectRefusal(collect(own.users.exportUser({ userId: 2n ** 40n })), "NotFound", "USER_NOT_FOUND");

  await using empty = await cloneDatabase();
  const folder = await folderFor();
  const file = join(folder, "user.jsonl");
  // The service that it is read into has no such release.
  await writeFile(file, text);
  const packed = gzipSync(text);
  const damaged = join(folder, "damaged.jsonl");
  for (const bytes of [packed.subarray(0, -20), Buffer.concat([packed.subarray(0, 100), Buffer.alloc(100), packed.subarray(200)])]) {
    await writeFile(damaged, bytes);
    expect(await runUserd(["import", "--into-empty", damaged], { settings: { DATABASE_URL: empty.url } })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("gzip data is damaged or cut off"),
    });
  }
  await writeFile(file, packed);
  expect(await runUserd(["import", "--into-empty", file], { settings: { DATABASE_URL: empty.url } })).toMatchObject({
    code: 0,
    stderr: "",
  });
  await writeFile(file, text);
  await using there = await serviceWith(empty.url, {});
  const again = await lines(there, false);
  const rowsIn = (all: readonly string[]) => all.slice(1).filter((line) => !line.includes('"kind":"mention"'));
  expect(rowsIn(again)).toEqual(rowsIn(exported));
  expect((await there.users.getUser({ id: userId })).user).toMatchObject({
    name: "Ann",
    etag: (await own.users.getUser({ id: userId })).user?.etag,
  });
  expect(await runUserd(["import", file], { settings: { DATABASE_URL: empty.url } })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("--into-empty"),
  });
  const asked = ["export", "--user", String(userId), "--address", formatAddress(there.app.grpcAddress)];
  expect(timeless((await runUserd(asked)).stdout)).toBe(timeless(`${again.join("\n")}\n`));
  expect(await runUserd(["export"])).toMatchObject({ code: 2 });
  await rm(folder, { recursive: true });
});

base(
  "U44 an export that was cut off is gone on with after the last whole user, and says from where the feed tells the rest",
  async ({ own: db, ownUrl }) => {
    await using service = await serviceWith(ownUrl, {});
    const users = [await createUser(service), await createUser(service), await createUser(service)];
    for (const { id } of users) await service.options.setOption({ userId: id, key: "k", value: value(`of ${id}`) });
    const folder = await folderFor();
    const [whole, torn] = [join(folder, "whole"), join(folder, "torn")];
    expect(await exportResumable(db, whole, true, () => {})).toBe(users.length);
    const text = await readFile(whole, "utf8");
    const lines = text.trim().split("\n");
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ format: "userd resumable export", startPosition: expect.any(String) });
    expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ users: users.length, endPosition: expect.any(String) });
    await expect(exportResumable(db, whole, true, () => {})).rejects.toThrow("is done");
    const timeless = (lines: string) => lines.replace(/"(start|end|export)(Time|Position)":"[^"]*"/g, "");
    // At each end of a line, and within each.
    const ends = [...text.matchAll(/\n/g)].flatMap(({ index }) => [index + 1, index - 5]).slice(0, -2);
    for (const end of [0, ...ends]) {
      await writeFile(torn, text.slice(0, end));
      await exportResumable(db, torn, true, () => {});
      expect(timeless(await readFile(torn, "utf8")), `cut off at ${end}`).toBe(timeless(text));
    }
    await writeFile(torn, text.slice(0, ends.at(-1)));
    await expect(exportResumable(db, torn, false, () => {})).rejects.toThrow("was begun with --secrets");
    await writeFile(torn, "something else\n");
    await expect(exportResumable(db, torn, true, () => {})).rejects.toThrow("no export that can be gone on with");
    await rm(folder, { recursive: true });
  },
);
