import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { expect } from "vitest";
import { ErasedKind } from "../../src/gen/userd/v1/user_erasure_pb.ts";
import { AvatarType } from "../../src/gen/userd/v1/user_pb.ts";
import { readLedger } from "../../src/lifecycle/erasure/ledger.ts";
import { createReceipts, verifiedStatement } from "../../src/lifecycle/erasure/receipts.ts";
import { startPurger } from "../../src/lifecycle/purger.ts";
import { createSystemUser } from "../../src/users/system-user.ts";
import { serviceWith } from "../options/service-with.ts";
import { createAccount, createOrganization, createProfile, createUser, unique, value } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";
import { collect } from "../support/collect.ts";
import { secretKey, silent } from "../support/database.ts";
import { testEraser } from "../support/eraser.ts";
import { expectRefusal } from "../support/errors.ts";
import { test } from "../support/service.ts";

const { publicKey, subjectOf } = createReceipts(secretKey, undefined);

const merge = async ({ users }: Clients, fromUserId: bigint, toUserId: bigint) => {
  const { plan } = await users.planUserMerge({ fromUserId, toUserId });
  return users.mergeUsers({ fromUserId, toUserId, planEtag: plan?.etag ?? "" });
};

test("U40 a purge answers with a receipt, which one changed byte makes worthless, and which is listed", async ({ clients }) => {
  const own = clients["grpc-js"];
  const user = await createUser(own);
  for (const key of ["a", "b"]) await own.options.setOption({ userId: user.id, key, value: value(1) });
  const { plan } = await own.users.planUserErasure({ userId: user.id });
  expect(plan).toMatchObject({ holdReason: "", ownerlessOrganizationIds: [], mergedUserIds: [] });
  const planned = Object.fromEntries(plan?.counts.map(({ table, removed }) => [table, Number(removed)]) ?? []);
  expect(planned).toEqual({ option_revision: 2, user_email: 1, user_option: 2, user_search: 1, users: 1 });
  await own.users.purgeUser({ id: user.id, validateOnly: true });
  expect((await own.users.listErasures({ userId: user.id })).erasures).toEqual([]);

  const { receipt } = await own.users.purgeUser({ id: user.id });
  const { statement = "", signature = new Uint8Array() } = receipt ?? {};
  expect([...(receipt?.publicKey ?? [])]).toEqual([...publicKey]);
  // Nothing else, so neither an id nor a name.
  const said = { kind: "user", subject: subjectOf({ kind: "user", id: user.id }), policyVersion: 2, tables: planned };
  expect(verifiedStatement({ statement, signature }, publicKey)).toMatchObject(said);
  expect(JSON.parse(statement)).toEqual({ ...said, format: expect.any(String), eraseTime: expect.any(String) });
  expect(statement).not.toContain(user.email);
  for (let index = 0; index < statement.length; index += 7) {
    const changed = `${statement.slice(0, index)}${statement[index] === "x" ? "y" : "x"}${statement.slice(index + 1)}`;
    expect(verifiedStatement({ statement: changed, signature }, publicKey)).toBeUndefined();
  }
  const forged = Uint8Array.from(signature);
  forged[5] = (forged[5] ?? 0) ^ 1;
  expect(verifiedStatement({ statement, signature: forged }, publicKey)).toBeUndefined();
  expect(verifiedStatement({ statement, signature }, createReceipts(Buffer.alloc(32, 8), undefined).publicKey)).toBeUndefined();

  const { erasures } = await own.users.listErasures({ userId: user.id });
  expect(erasures).toMatchObject([{ kind: ErasedKind.USER, subject: subjectOf({ kind: "user", id: user.id }), receipt }]);
  const page = await own.users.listErasures({ pageSize: 1 });
  expect(page.erasures).toHaveLength(1);
});

test("U40 a user who was merged is erased with the one that it was merged into, and not by itself", async ({ clients, db }) => {
  const own = clients["grpc-js"];
  const [from, to] = [await createUser(own, { name: unique("Marker") }), await createUser(own)];
  for (const user of [from, to]) await own.options.setOption({ userId: user.id, key: "plan", value: value(`of ${user.id}`) });
  await merge(own, from.id, to.id);
  for (const refused of [
    () => own.users.purgeUser({ id: from.id }),
    () => own.users.planUserErasure({ userId: from.id }),
    () => collect(own.users.exportUser({ userId: from.id })),
    () => own.users.setUserHold({ userId: from.id, reason: "case 7" }),
  ])
    await expectRefusal(refused(), "FailedPrecondition", "USER_MERGED");
  expect((await own.users.planUserErasure({ userId: to.id })).plan?.mergedUserIds).toEqual([from.id]);
  await own.users.purgeUser({ id: to.id });
  await expectRefusal(own.users.getUser({ id: from.id }), "NotFound", "USER_NOT_FOUND");
  expect((await own.users.listErasures({ userId: from.id })).erasures).toHaveLength(1);
  const { rows } = await sql`select from merge_discard where "row"::text like ${`%of ${from.id}%`}`.execute(db.sql);
  expect(rows).toEqual([]);
});

test("U40 a held user is neither purged nor removed by the purger, until the hold ends", async ({ clients, db }) => {
  const own = clients["grpc-js"];
  const user = await createUser(own);
  const [nobody, held] = [9_000_000_000_000n, { userId: user.id, reason: "case 7" }];
  expect((await own.users.setUserHold(held)).reason).toBe("case 7");
  await own.users.setUserHold({ ...held, reason: "case 8" });
  expect((await own.users.planUserErasure({ userId: user.id })).plan?.holdReason).toBe("case 8");
  await expectRefusal(own.users.purgeUser({ id: user.id }), "FailedPrecondition", "USER_HELD");
  for (const refused of [
    () => own.users.setUserHold({ ...held, userId: nobody }),
    () => own.users.planUserErasure({ userId: nobody }),
    () => collect(own.users.exportUser({ userId: nobody })),
  ])
    await expectRefusal(refused(), "NotFound", "USER_NOT_FOUND");
  await own.users.deleteUser({ id: user.id });
  await sql`update users set purge_time = now() where id = ${user.id}`.execute(db.sql);
  await using purger = startPurger(db, createSystemUser("sentry"), 2_000, silent, testEraser);
  await purger.purge();
  expect((await own.users.getUser({ id: user.id })).user?.id).toBe(user.id);
  await own.users.setUserHold({ userId: user.id, reason: "" });
  await purger.purge();
  await expectRefusal(own.users.getUser({ id: user.id }), "NotFound", "USER_NOT_FOUND");
  expect((await own.users.listErasures({ userId: user.id })).erasures).toHaveLength(1);
});

test("U40 the last owner of an organization is purged only by who allows it", async ({ clients }) => {
  const own = clients["grpc-js"];
  const user = await createUser(own);
  const { id: organizationId } = await createOrganization(own, {}, user.id);
  expect((await own.users.planUserErasure({ userId: user.id })).plan?.ownerlessOrganizationIds).toEqual([organizationId]);
  await expectRefusal(own.users.purgeUser({ id: user.id }), "FailedPrecondition", "LAST_OWNER");
  const { ownerlessOrganizationIds } = await own.users.purgeUser({ id: user.id, allowOwnerless: true });
  expect(ownerlessOrganizationIds).toEqual([organizationId]);
});

test("U40 an erasure stands in the ledger before it is committed, and one that can't be written is not done", async ({ databaseUrl }) => {
  const folder = await mkdtemp(join(tmpdir(), "userd-ledger-"));
  const ledger = join(folder, "erasures");
  await using own = await serviceWith(databaseUrl, { ERASURE_LEDGER: ledger });
  const [first, second] = [await createUser(own), await createUser(own)];
  await own.users.purgeUser({ id: first.id });
  await own.users.purgeUser({ id: second.id });
  const subjects = (await collect(readLedger(ledger, publicKey))).map(({ subject }) => subject);
  expect(subjects).toEqual([subjectOf({ kind: "user", id: first.id }), subjectOf({ kind: "user", id: second.id })]);
  const text = await readFile(ledger, "utf8");
  expect(text).not.toContain(first.email);
  await writeFile(ledger, text.replace(subjectOf({ kind: "user", id: first.id }).slice(0, 8), "00000000"));
  await expect(collect(readLedger(ledger, publicKey))).rejects.toThrow("Line 1 of the ledger");
  // The last line of a crash is cut off.
  await writeFile(ledger, text.slice(0, -20));
  expect((await collect(readLedger(ledger, publicKey))).length).toBe(1);
  await rm(folder, { recursive: true });
  const third = await createUser(own);
  await expectRefusal(own.users.purgeUser({ id: third.id }), "Unavailable", "LEDGER_UNAVAILABLE");
  expect((await own.users.getUser({ id: third.id })).user?.id).toBe(third.id);
});

test("U40 nothing that was written of a person is in any table after a purge, merged or not", async ({ clients, db }) => {
  const own = clients["grpc-js"];
  const marker = unique("marker");
  const [from, to] = [
    await createUser(own, { username: `${marker}1`, name: marker, email: `${marker}@example.com`, externalId: `${marker}e` }),
    await createUser(own, { username: `${marker}2`, name: `${marker} ${marker}` }),
  ];
  const account = await createAccount(own);
  // Names that somebody had before are names of that person, too.
  await own.users.updateUser({ user: { id: to.id, username: `${marker}3` }, updateMask: { paths: ["username"] } });
  await sql`insert into canonical_name (name, version) values (${`${marker}1`}, 1)`.execute(db.sql);
  for (const user of [from, to]) {
    const userId = user.id;
    for (const text of [marker, `${marker}${userId}`])
      await own.options.setOption({ userId, key: marker, value: value({ [marker]: text }) });
    await own.users.addUserEmail({ userId, email: `${marker}+${userId}@example.com` });
    const profile = await createProfile(own, userId, account.id, { name: marker, description: marker, tags: [marker] });
    await own.profiles.registerResources({ resources: [{ kind: "page", ownerProfileId: profile.id, name: marker }] });
    const { provider } = await own.users.createIdentityProvider({ provider: { type: "any", externalId: String(userId) } });
    await own.users.linkIdentity({ userId, providerId: provider?.id ?? 0n, externalId: marker, data: value({ marker }) });
    await own.users.setAvatar({ userId, type: AvatarType.UPLOAD, url: `https://example.com/${marker}` });
  }
  const holding = async () => {
    const { rows: tables } = await sql<{
      name: string;
    }>`select tablename as name from pg_tables where schemaname = 'public' order by 1`.execute(db.sql);
    const found: string[] = [];
    for (const { name } of tables) {
      const { rows } = await sql`select from ${sql.table(name)} x where x::text like ${`%${marker}%`} limit 1`.execute(db.sql);
      if (rows.length > 0) found.push(name);
    }
    return found;
  };
  await merge(own, from.id, to.id);
  expect(await holding()).toEqual(expect.arrayContaining(["merge_discard", "user_option", "user_search", "users"]));
  await own.users.purgeUser({ id: to.id });
  // The key of an option is a word of the service that chose it.
  expect(await holding()).toEqual(["changes"]);
});
