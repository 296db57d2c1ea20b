import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import { describe, expect } from "vitest";
import { createUser, value } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { test } from "../support/service.ts";
import { json } from "./json.ts";

describe("ListOptionRevisions", () => {
  test("O37 the last writes are kept, newest first, with caller and acting user; a delete is one", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    const target = { userId, key: "k", projectId: 3n };
    await options.setOption({ ...target, value: value(1) });
    await options.setOption({ ...target, value: value(1) });
    await options.setOption({ ...target, value: value(null) }, { headers: { "x-acting-user-id": String(userId) } });
    await options.deleteOption(target);
    const { revisions } = await options.listOptionRevisions(target);
    expect(revisions.map((revision) => [revision.deleted, json(revision.value), revision.caller, revision.actingUserId])).toEqual([
      [true, undefined, "local", 0n],
      [false, null, "local", userId],
      [false, 1, "local", 0n],
    ]);
    const times = revisions.map(({ changeTime }) => Number(changeTime?.seconds) * 1e9 + Number(changeTime?.nanos));
    expect(times).toEqual(times.toSorted((a, b) => b - a));
    const ids = revisions.map(({ revisionId }) => revisionId);
    expect(ids).toEqual(ids.toSorted((a, b) => Number(b - a)));
    expect((await options.listOptionRevisions({ userId, key: "k" })).revisions).toEqual([]);
    await expectRefusal(options.listOptionRevisions({ ...target, userId: 9_000_000_000_000n }), "NotFound", "USER_NOT_FOUND");
  });

  test("O37 twenty are kept per option, whichever way it is written", async ({ clients, db }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    for (let round = 0; round < 12; round += 1) {
      await options.setOption({ userId, key: "k", value: value(round) });
      await options.applyOptionChanges({ userId, changes: [{ change: { case: "set", value: { key: "k", value: value(round + 0.5) } } }] });
      await options.batchSetOptions({ entries: [{ userId, key: "k", value: value(`${round}`) }] });
    }
    await options.setOption({ userId, key: "other", value: value(1) });
    const kept = async () => (await options.listOptionRevisions({ userId, key: "k" })).revisions;
    expect((await kept()).map((revision) => json(revision.value)).slice(0, 4)).toEqual(["11", 11.5, 11, "10"]);
    expect(await kept()).toHaveLength(20);
    await options.deleteOption({ userId, key: "k" });
    expect(await kept()).toHaveLength(20);
    expect((await kept())[0]).toMatchObject({ deleted: true });
    const { rows } = await sql<{ count: bigint }>`select count(*) as count from option_revision where user_id = ${userId}`.execute(db.sql);
    expect(rows[0]?.count).toBe(21n);
  });

  test("revisions come in pages", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    for (let round = 0; round < 5; round += 1) await options.setOption({ userId, key: "k", value: value(round) });
    const seen: unknown[] = [];
    let pageToken = "";
    do {
      const page = await options.listOptionRevisions({ userId, key: "k", pageSize: 2, pageToken });
      seen.push(...page.revisions.map((revision) => json(revision.value)));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(seen).toEqual([4, 3, 2, 1, 0]);
    const { nextPageToken } = await options.listOptionRevisions({ userId, key: "k", pageSize: 2 });
    const elsewhere = options.listOptionRevisions({ userId, key: "other", pageSize: 2, pageToken: nextPageToken });
    await expectRefusal(elsewhere, "InvalidArgument", "PAGE_TOKEN_MISMATCH");
  });

  test("what the sweeper removes is a deletion by the sweeper", async ({ clients, db }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    await options.setOption({ userId, key: "k", value: value(1), expireTime: timestampFromMs(Date.now() + 60_000) });
    await db.sql.transaction().execute(async (tx) => {
      await sql`select set_config('userd.caller', 'userd sweeper', true)`.execute(tx);
      await sql`delete from user_option where user_id = ${userId}`.execute(tx);
    });
    const { revisions } = await options.listOptionRevisions({ userId, key: "k" });
    expect(revisions.map(({ deleted, caller }) => [deleted, caller])).toEqual([
      [true, "userd sweeper"],
      [false, "local"],
    ]);
    expect(revisions[1]?.expireTime).toBeDefined();
  });
});

describe("RestoreOption", () => {
  test("O38 O20 restoring writes a new revision with the old value, and every read sees it at once", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    const target = { userId, key: "k", organizationId: 4n };
    const old = { deep: [1, { "": null }], n: 1e-7 };
    await options.setOption({ ...target, value: value(old) });
    await options.setOption({ ...target, value: value("new") });
    const before = (await options.listOptionRevisions(target)).revisions;
    const { option, consistencyToken } = await options.restoreOption({ ...target, revisionId: before[1]?.revisionId ?? 0n });
    expect(json(option?.value)).toEqual(old);
    const consistency = { mode: { case: "atLeastAsFresh" as const, value: consistencyToken } };
    expect(json((await options.getOption({ ...target, consistency })).value)).toEqual(old);
    expect(json((await options.listOptions({ userId, allScopes: true })).options[0]?.value)).toEqual(old);
    const resolved = await options.resolveOptions({ userIds: [userId], keys: ["k"], organizationId: 4n });
    expect(json(resolved.results[0]?.options[0]?.value)).toEqual(old);
    const after = (await options.listOptionRevisions(target)).revisions;
    expect(after.slice(1)).toEqual(before);
    expect(json(after[0]?.value)).toEqual(old);
  });

  test("O38 a restored deletion deletes, a restored value of a deleted option sets it anew", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    const target = { userId, key: "k" };
    await options.setOption({ ...target, value: value(1) });
    await options.deleteOption(target);
    const [deletion, creation] = (await options.listOptionRevisions(target)).revisions;
    expect((await options.restoreOption({ ...target, revisionId: creation?.revisionId ?? 0n })).option).toBeDefined();
    expect((await options.restoreOption({ ...target, revisionId: deletion?.revisionId ?? 0n })).option).toBeUndefined();
    expect(await options.getOption(target)).toMatchObject({ found: false });
    // What is gone already needs no deletion.
    expect((await options.restoreOption({ ...target, revisionId: deletion?.revisionId ?? 0n })).option).toBeUndefined();
    expect((await options.listOptionRevisions(target)).revisions.map(({ deleted }) => deleted)).toEqual([true, false, true, false]);
  });

  test("O38 the registry has no say, and a time that has passed is left out", async ({ clients, db }) => {
    const { options } = clients["grpc-js"];
    const { id: userId } = await createUser(clients["grpc-js"]);
    const target = { userId, key: "theme" };
    const expireTime = timestampFromMs(Date.now() + 3_600_000);
    await options.setOption({ ...target, value: value("light"), expireTime });
    await sql`update option_revision set value = '"sepia"' where user_id = ${userId}`.execute(db.sql);
    await options.setOption({ ...target, value: value("dark") });
    const revisionId = (await options.listOptionRevisions(target)).revisions[1]?.revisionId ?? 0n;
    const { option } = await options.restoreOption({ ...target, revisionId });
    expect([json(option?.value), option?.expireTime]).toEqual(["sepia", expireTime]);
    await sql`update option_revision set expire_time = now() where user_id = ${userId}`.execute(db.sql);
    await options.setOption({ ...target, value: value("dark") });
    expect((await options.restoreOption({ ...target, revisionId })).option?.expireTime).toBeUndefined();
  });

  test("a revision of another option, scope or user is none", async ({ clients }) => {
    const { options } = clients["grpc-js"];
    const [a, b] = await Promise.all([createUser(clients["grpc-js"]), createUser(clients["grpc-js"])]);
    await options.setOption({ userId: a.id, key: "k", value: value(1) });
    const revisionId = (await options.listOptionRevisions({ userId: a.id, key: "k" })).revisions[0]?.revisionId ?? 0n;
    for (const other of [
      { userId: a.id, key: "other" },
      { userId: a.id, key: "k", projectId: 1n },
      { userId: b.id, key: "k" },
    ]) {
      await expectRefusal(options.restoreOption({ ...other, revisionId }), "NotFound", "REVISION_NOT_FOUND");
    }
    const unknown = options.restoreOption({ userId: 9_000_000_000_000n, key: "k", revisionId });
    await expectRefusal(unknown, "NotFound", "USER_NOT_FOUND");
    await expectRefusal(options.restoreOption({ userId: a.id, key: "k", revisionId: 0n }), "InvalidArgument", "FIELD_INVALID");
  });
});
