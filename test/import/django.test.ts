import { createReadStream } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import { expect } from "vitest";
import { runImport } from "../../src/import/import.ts";
import { isCurrentArgon2 } from "../../src/passwords/formats/argon2.ts";
import { djangoPython, needTools, root, runOk, temporaryFolder } from "../foreign/tools.ts";
import { serviceWith } from "../options/service-with.ts";
import { all, countsOf, rowsOf, stateOf, test } from "./fixture.ts";

const PASSWORD = "correct horse battery staple";
const hashers = ["pbkdf2_sha256", "argon2", "bcrypt_sha256", "scrypt"] as const;

/** How the two exports name the permissions: the one of `auth` alone has no content types. */
const apps = { "by-name": () => "auth", "by-number": (contentType: string) => contentType } as const;

test.for(["by-name", "by-number"] as const)(
  "U28 what a real Django exports (%s) comes in: passwords of every hasher are valid and rehashed, groups and permissions are there",
  { timeout: 120_000 },
  async (form, { own: db, ownUrl, skip }) => {
    needTools(skip, djangoPython);
    await using folder = await temporaryFolder();
    await runOk(djangoPython, [join(root, "test/import/django/export.py"), folder.path, PASSWORD], {
      env: { PYTHONDONTWRITEBYTECODE: "1" },
    });
    const read = () => createReadStream(join(folder.path, `${form}.json`));
    const report = await runImport(db, read());
    expect(report).toMatchObject({ stored: true, notHeld: [], conflicts: [] });
    expect(countsOf(report, "auth.user")).toEqual(all("created", 5));
    expect(countsOf(report, "auth.group")).toEqual(all("created", 2));
    expect(countsOf(report, "auth.group.permissions")).toEqual(all("created", 3));
    expect(countsOf(report, "auth.user.groups")).toEqual(all("created", 5));
    expect(countsOf(report, "auth.user.user_permissions")).toEqual(all("created", 1));

    const before = await stateOf(db);
    const again = await runImport(db, read());
    expect(again.models.map(({ created, updated }) => created + updated)).toEqual(again.models.map(() => 0));
    expect(await stateOf(db)).toEqual(before);

    const [{ names = [] } = {}] = await rowsOf<{ names: string[] }>(
      db,
      sql`select array_agg(distinct split_part(permission, '.', 1)) as names from role_permission`,
    );
    expect(names).toEqual([apps[form](names[0] ?? "")]);
    const app = names[0] ?? "";
    if (form === "by-number") expect(app).toMatch(/^contenttype_\d+$/);

    await using service = await serviceWith(ownUrl, {});
    const { users } = service;
    const readers = [`${app}.view_user`];
    const editors = [`${app}.add_user`, `${app}.change_user`, ...readers];
    for (const username of hashers) {
      const key = { user: { case: "username" as const, value: username.toUpperCase() } };
      expect(await users.verifyPassword({ ...key, password: `${PASSWORD}!` }), username).toMatchObject({ valid: false });
      const { valid, user } = await users.verifyPassword({ ...key, password: PASSWORD });
      expect(valid, username).toBe(true);
      const isEditor = username === "argon2";
      expect(user?.roleNames).toEqual(isEditor ? ["Editors", "Readers of all"] : ["Readers of all"]);
      if (username !== "scrypt") expect(user?.permissions).toEqual(isEditor ? editors : readers);
      else expect(user?.permissions).toEqual(expect.arrayContaining([expect.stringMatching(/^[a-z0-9_]+\.delete_group$/), ...readers]));
      expect(user?.name).toBe(`Ann ${username}`);
    }
    expect(
      await users.verifyPassword({ user: { case: "username", value: "nobody" }, password: "" }).catch(() => undefined),
    ).not.toMatchObject({
      valid: true,
    });
    const stored = await rowsOf<{ password: string }>(db, sql`select password from users where username <> 'nobody'`);
    expect(stored.map(({ password }) => isCurrentArgon2(password))).toEqual(hashers.map(() => true));
    for (const username of hashers) {
      expect(await users.verifyPassword({ user: { case: "username", value: username }, password: PASSWORD })).toMatchObject({
        valid: true,
      });
    }
  },
);
