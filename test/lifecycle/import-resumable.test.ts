import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { sql } from "kysely";
import { expect } from "vitest";
import { type Database, openDatabase } from "../../src/db/orm.ts";
import { exportResumable } from "../../src/lifecycle/export/export-resumable.ts";
import { storeExport } from "../../src/lifecycle/export/store.ts";
import { kinds } from "../../src/schema/entities.ts";
import { test as base, rowsOf } from "../import/fixture.ts";
import { isOwned, makerOf } from "../kinds/maker.ts";
import { type ServiceWith, serviceWith } from "../options/service-with.ts";
import { createAccount, createOrganization, createProfile, createUser, unique, value } from "../support/build.ts";
import { cloneDatabase, secretKey, silent } from "../support/database.ts";
import { runUserd } from "../support/userd.ts";

const openClone = async () => {
  const { url, [Symbol.asyncDispose]: drop } = await cloneDatabase();
  const db = await openDatabase({ database: { kind: "postgres", url }, poolSize: 2 }, silent);
  return { url, db: { ...db, secretKey }, [Symbol.asyncDispose]: () => db[Symbol.asyncDispose]().then(drop) };
};

const stored = (db: Database, text: string) => storeExport(db, createInterface({ input: Readable.from([text]) }), false);

/** The rows in a file, but for those of organizations that only name a user. */
const rowsIn = (text: string): string[] => text.split("\n").filter((line) => line.startsWith('{"table"') && !line.includes('"mention"'));

/** Makes a user with something in most tables, and with a role, an organization and an account that all of them have. */
const furnish = async (own: ServiceWith, roleName: string, organizationId: bigint, accountId: bigint) => {
  const user = await createUser(own);
  const userId = user.id;
  for (const text of ["a", "b"]) await own.options.setOption({ userId, key: "k", value: value(`${text} of ${userId}`) });
  await own.users.setPassword({ userId, password: "correct horse battery" });
  await own.users.assignRole({ userId, roleName });
  await own.organizations.addMember({ organizationId, userId, role: 1 });
  const profile = await createProfile(own, userId, accountId);
  await own.profiles.registerResources({ resources: [{ kind: "page", ownerProfileId: profile.id, name: "a" }] });
  return { ...user, profileId: profile.id };
};

/** What all users of a test share. */
const createShared = async (own: ServiceWith) => {
  const roleName = unique("role-");
  await own.users.createRole({ role: { name: roleName, permissions: ["a.kept", "a.lost"] } });
  return [roleName, (await createOrganization(own)).id, (await createAccount(own)).id] as const;
};

base(
  "U44 an export that was made user by user is read into an empty service, and is equal there",
  { timeout: 120_000 },
  async ({ own: db, ownUrl }) => {
    await using service = await serviceWith(ownUrl, {});
    const shared = await createShared(service);
    const users = [await furnish(service, ...shared), await furnish(service, ...shared)];
    for (const kind of kinds.filter(isOwned)) await (await makerOf(service, kind, users[0]?.profileId)).create();
    // A member of nothing whom the auth provider of an organization knows brings that organization along.
    const { id: organizationId } = await createOrganization(service);
    const outsider = await createUser(service);
    await service.organizations.addMember({ organizationId, userId: outsider.id, role: 1 });
    const { provider } = await service.users.createAuthProvider({ provider: { organizationId, provider: "saml2" } });
    await service.users.linkAuthIdentity({ userId: outsider.id, providerId: provider?.id ?? 0n, externalId: "7" });
    await sql`delete from organization_member where user_id = ${outsider.id}`.execute(db.sql);
    const folder = await mkdtemp(join(tmpdir(), "userd-export-"));
    const [file, again] = [join(folder, "file"), join(folder, "again")];
    await exportResumable(db, file, true, () => {});
    const text = await readFile(file, "utf8");

    await using empty = await openClone();
    const lines = text.trimEnd().split("\n");
    for (const [changed, sentence] of [
      [lines.slice(0, -1).join("\n"), "is not done"],
      [lines.slice(0, -3).join("\n"), "cut off"],
      [text.replace('"username":"', '"username":"x'), "digest differs"],
      [text.replace('"version":1', '"version":2'), "update userd first"],
      [text.replace(/"users":3}/, '"users":4}'), "says that they are 4"],
      [`${text}{}\n`, "goes on"],
      [text.replace('{"format":"userd export"', '{"format":"other"'), "does not begin with the manifest"],
    ] as const)
      await expect(stored(empty.db, changed), sentence).rejects.toThrow(sentence);
    expect(await rowsOf(empty.db, sql`select from users`)).toEqual([]);
    const { startPosition } = JSON.parse(lines[0] ?? "") as { readonly startPosition: string };
    expect(await runUserd(["import", "--into-empty", file], { settings: { DATABASE_URL: empty.url } })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(startPosition),
      stderr: "",
    });
    await exportResumable(empty.db, again, true, () => {});
    expect(rowsIn(await readFile(again, "utf8"))).toEqual(rowsIn(text));
    const next = sql<{ id: string }>`select nextval(pg_get_serial_sequence('users', 'id')) as id`;
    expect(Number((await rowsOf(empty.db, next))[0]?.id)).toBeGreaterThan(Number(outsider.id));
    await expect(stored(empty.db, text)).rejects.toThrow("not empty");
    await rm(folder, { recursive: true });
  },
);

base(
  "U44 what changed while an export was made user by user stands as the last user has it",
  { timeout: 120_000 },
  async ({ own: db, ownUrl }) => {
    await using service = await serviceWith(ownUrl, {});
    const shared = await createShared(service);
    const [first, second] = [await furnish(service, ...shared), await furnish(service, ...shared)];
    const folder = await mkdtemp(join(tmpdir(), "userd-export-"));
    const file = join(folder, "file");
    await exportResumable(db, file, true, () => {});
    const text = await readFile(file, "utf8");
    // It was cut off behind the first user.
    await writeFile(file, text.slice(0, text.indexOf(`\n{"format":"userd export"`, text.indexOf(`"userId":"${first.id}"`)) + 1));
    const pair = { fromUserId: first.id, toUserId: second.id };
    await service.users.mergeUsers({ ...pair, planEtag: (await service.users.planUserMerge(pair)).plan?.etag ?? "" });
    await service.users.updateRole({ role: { name: shared[0], permissions: ["a.kept"] } });
    await service.organizations.updateOrganization({ organization: { id: shared[1], name: "Another name" } });
    await exportResumable(db, file, true, () => {});
    expect((await readFile(file, "utf8")).match(/"userId"/g)).toHaveLength(2);

    await using empty = await openClone();
    await stored(empty.db, await readFile(file, "utf8"));
    await using there = await serviceWith(empty.url, {});
    expect((await there.users.getUser({ id: first.id })).user?.mergedIntoUserId).toBe(second.id);
    for (const own of [service, there])
      expect(
        (await own.users.checkPermissions({ checks: ["a.kept", "a.lost"].map((permission) => ({ userId: second.id, permission })) }))
          .results,
      ).toMatchObject([{ allowed: true }, { allowed: false }]);
    const { organization } = await there.organizations.getOrganization({ key: { case: "id", value: shared[1] } });
    expect(organization?.name).toBe("Another name");
    const count = (from: Database) => rowsOf(from, sql`select count(*)::int as count from user_option where user_id = ${first.id}`);
    expect(await count(empty.db)).toEqual(await count(db));
    await rm(folder, { recursive: true });
  },
);
