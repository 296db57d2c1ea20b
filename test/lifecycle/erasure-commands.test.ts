import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, toJson } from "@bufbuild/protobuf";
import { sql } from "kysely";
import { expect } from "vitest";
import { ErasureReceiptSchema } from "../../src/gen/userd/v1/user_erasure_pb.ts";
import { createReceipts } from "../../src/lifecycle/erasure/receipts.ts";
import { serviceWith } from "../options/service-with.ts";
import { createAccount, createOrganization, createProject, createTeam, createUser } from "../support/build.ts";
import { secretKey } from "../support/database.ts";
import { expectRefusal } from "../support/errors.ts";
import { freePort } from "../support/postgres.ts";
import { test } from "../support/service.ts";
import { runUserd, temporaryFolder } from "../support/userd.ts";

const { publicKey } = createReceipts(secretKey, undefined);

test("U40 a receipt is checked at the command line, and a restored backup erases again who had been erased", { timeout: 120_000 }, async ({
  databaseUrl,
  db,
}) => {
  const folder = await mkdtemp(join(tmpdir(), "userd-ledger-"));
  const [ledger, file] = [join(folder, "erasures"), join(folder, "receipt.json")];
  await using own = await serviceWith(databaseUrl, { ERASURE_LEDGER: ledger });
  const [user, other] = [await createUser(own), await createUser(own)];
  const { rows: before } = await sql<{ row: object }>`select to_jsonb(u) as row from users u where id = ${user.id}`.execute(db.sql);
  const { receipt } = await own.users.purgeUser({ id: user.id });
  const text = JSON.stringify(toJson(ErasureReceiptSchema, receipt ?? create(ErasureReceiptSchema)));
  await writeFile(file, text);
  const settings = { DATABASE_URL: databaseUrl, ERASURE_LEDGER: ledger };
  const userd = (...command: string[]) => runUserd(command, { settings });
  const key = (await userd("receipt", "key")).stdout.trim();
  expect(key).toBe(Buffer.from(publicKey).toString("base64"));
  const genuine = { code: 0, stdout: expect.stringContaining("The receipt is genuine.") };
  expect(await userd("receipt", "verify", file, "--public-key", key)).toMatchObject(genuine);
  expect(await userd("receipt", "verify", file, "--user", String(user.id))).toMatchObject(genuine);
  expect(await userd("receipt", "verify", file, "--user", String(other.id))).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("not about the user"),
  });
  await writeFile(file, text.replace("policyVersion", "policyversion"));
  expect(await userd("receipt", "verify", file)).toMatchObject({ code: 1, stderr: expect.stringContaining("changed since") });
  await writeFile(file, "{}");
  expect(await userd("receipt", "verify", file)).toMatchObject({ code: 2, stderr: expect.stringContaining("no receipt") });

  // All that else has receipts.
  const [account, organization] = [await createAccount(own), await createOrganization(own)];
  const scopes = {
    account: account.id,
    organization: organization.id,
    project: (await createProject(own, (await createOrganization(own)).id)).id,
    team: (await createTeam(own, (await createOrganization(own)).id)).id,
  };
  const rows: [table: string, row: object][] = [["users", before[0]?.row ?? {}]];
  for (const [table, id] of Object.entries(scopes)) {
    const found = await sql<{ row: object }>`select to_jsonb(t) as row from ${sql.table(table)} t where id = ${id}`.execute(db.sql);
    rows.push([table, found.rows[0]?.row ?? {}]);
  }
  await own.profiles.purgeAccount({ id: scopes.account });
  await own.organizations.purgeProject({ id: scopes.project });
  await own.organizations.purgeTeam({ id: scopes.team });
  const purged = await own.organizations.purgeOrganization({ id: scopes.organization });
  await writeFile(file, JSON.stringify(toJson(ErasureReceiptSchema, purged.receipt ?? create(ErasureReceiptSchema))));
  expect(await userd("receipt", "verify", file, "--organization", String(scopes.organization))).toMatchObject(genuine);
  expect(await userd("receipt", "verify", file, "--team", String(scopes.organization))).toMatchObject({ code: 1 });
  expect(await userd("receipt", "verify", file, "--project", "x")).toMatchObject({ code: 2 });

  // As a backup would bring it back.
  for (const [table, row] of rows) await sql`select restore_row(${table}::regclass, ${JSON.stringify(row)}::jsonb)`.execute(db.sql);
  const all = expect.stringContaining("again: users: 1, organizations: 1, projects: 1, teams: 1, accounts: 1.");
  expect(await userd("purge", "--replay", "--dry-run")).toMatchObject({ code: 0, stdout: all });
  expect((await own.users.getUser({ id: user.id, consistency: { mode: { case: "fullyConsistent", value: true } } })).user?.id).toBe(
    user.id,
  );
  expect(await userd("purge", "--replay")).toMatchObject({ code: 0, stdout: all });
  expect(await userd("purge", "--replay")).toMatchObject({ code: 0, stdout: expect.stringContaining("again: users: 0.") });
  expect((await own.users.getUser({ id: other.id })).user?.id).toBe(other.id);
  for (const [table, id] of Object.entries(scopes)) {
    const { rows: left } = await sql`select from ${sql.table(table)} where id = ${id}`.execute(db.sql);
    expect(left, table).toEqual([]);
  }
  const gone = own.users.getUser({ id: user.id, consistency: { mode: { case: "fullyConsistent", value: true } } });
  await expectRefusal(gone, "NotFound", "USER_NOT_FOUND");
  await rm(folder, { recursive: true });
});

test("U40 a receipt of a service on an embedded database is checked by the key beside the data", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "receipt.json");
  const { statement, signature } = createReceipts(secretKey, undefined).receiptOf({ kind: "user", id: 42n }, new Date(), {
    tables: { users: 1 },
    later: [],
  });
  await writeFile(file, JSON.stringify({ statement, signature: Buffer.from(signature).toString("base64") }));
  const settings = { DATABASE_URL: `pglite:${folder.path}`, SECRET_KEY: undefined };
  const verify = (id: number) => runUserd(["receipt", "verify", file, "--user", String(id)], { settings });
  expect(await verify(42)).toMatchObject({ code: 2, stderr: expect.stringContaining("The settings have no key") });
  await writeFile(join(folder.path, "userd.key"), `${Buffer.from(secretKey).toString("base64")}\n`);
  expect(await verify(42)).toMatchObject({ code: 0, stdout: expect.stringContaining("The receipt is genuine.") });
  expect(await verify(7)).toMatchObject({ code: 1, stderr: expect.stringContaining("not about the user") });
});

test("U44 a file to import that is not there is no fault of userd", async () => {
  const asked = await runUserd(["import", "--into-empty", "not-there.jsonl"], { settings: { DATABASE_URL: "pglite:memory" } });
  expect(asked).toMatchObject({ code: 2, stderr: expect.stringMatching(/^userd: The file can't be read: .*not-there/) });
});

test("U44 an export that fails leaves no file in the way of the next one", async () => {
  await using folder = await temporaryFolder();
  const output = join(folder.path, "42.jsonl");
  const nobody = `127.0.0.1:${await freePort()}`;
  const failed = await runUserd(["export", "--user", "42", "--output", output, "--address", nobody]);
  expect(failed).toMatchObject({ code: 5, stderr: expect.stringContaining("No service answers") });
  expect(await readdir(folder.path)).toEqual([]);
});
