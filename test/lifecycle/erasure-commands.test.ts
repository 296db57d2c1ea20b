import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, toJson } from "@bufbuild/protobuf";
import { sql } from "kysely";
import { expect } from "vitest";
import { ErasureReceiptSchema } from "../../src/gen/userd/v1/user_erasure_pb.ts";
import { createReceipts } from "../../src/lifecycle/erasure/receipts.ts";
import { serviceWith } from "../options/service-with.ts";
import { createUser } from "../support/build.ts";
import { secretKey } from "../support/database.ts";
import { expectRefusal } from "../support/errors.ts";
import { test } from "../support/service.ts";
import { runUserd } from "../support/userd.ts";

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

  // As a backup would bring it back.
  await sql`select restore_row('users', ${JSON.stringify(before[0]?.row)}::jsonb)`.execute(db.sql);
  expect(await userd("purge", "--replay", "--dry-run")).toMatchObject({ code: 0, stdout: expect.stringContaining("again: users: 1.") });
  expect((await own.users.getUser({ id: user.id, consistency: { mode: { case: "fullyConsistent", value: true } } })).user?.id).toBe(
    user.id,
  );
  expect(await userd("purge", "--replay")).toMatchObject({ code: 0, stdout: expect.stringContaining("again: users: 1.") });
  expect(await userd("purge", "--replay")).toMatchObject({ code: 0, stdout: expect.stringContaining("again: users: 0.") });
  expect((await own.users.getUser({ id: other.id })).user?.id).toBe(other.id);
  const gone = own.users.getUser({ id: user.id, consistency: { mode: { case: "fullyConsistent", value: true } } });
  await expectRefusal(gone, "NotFound", "USER_NOT_FOUND");
  await rm(folder, { recursive: true });
});
