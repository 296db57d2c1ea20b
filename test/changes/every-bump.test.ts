import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import { expect } from "vitest";
import { methods } from "../contract/methods.ts";
import { callRpc, test } from "../contract/world.ts";
import type { Clients } from "../support/clients.ts";
import { expectAllPlaced, expectEachBumpOnce } from "./bumps.ts";
import { makeEveryWrite } from "./every-write.ts";
import { addUser, feedAfter, sequencerOf, setOption } from "./feed-fixture.ts";

/** Notes which methods of some clients are called. */
const noting = <C extends object>(client: C, called: Set<string>): C =>
  new Proxy(client, {
    get: (target, name) => {
      called.add(String(name));
      return Reflect.get(target, name);
    },
  });

const notingAll = (own: Clients, called: Set<string>): Clients => ({
  kinds: own.kinds,
  users: noting(own.users, called),
  options: noting(own.options, called),
  organizations: noting(own.organizations, called),
  profiles: noting(own.profiles, called),
  changes: own.changes,
  families: Object.fromEntries(Object.entries(own.families).map(([name, client]) => [name, noting(client, called)])),
});

test("every bump by every RPC that writes is told once, in the change log or in version_bump, and stands in the feed", async ({
  world: { own, resources },
  db,
}) => {
  const called = new Set<string>();
  for (const { localName, ...method } of methods.filter((one) => resources[one.localName] !== undefined)) {
    called.add(localName);
    await callRpc(own, { localName, ...method } as never, resources[localName] ?? {});
  }
  await makeEveryWrite(notingAll(own, called));
  const writes = methods.filter(({ idempotency }) => idempotency !== MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS);
  const left = writes.filter(({ localName }) => !called.has(localName)).map(({ name }) => name);
  expect(left, "call it in test/changes/every-write.ts").toEqual([]);
  await expectEachBumpOnce(db);
  await sequencerOf(db).run();
  await expectAllPlaced(db);
});
test("whoever raises a version by SQL finds the bump in the feed", async ({ db }) => {
  const sequencer = sequencerOf(db);
  const user = await addUser(db);
  const { position } = await sequencer.run();
  await sql`update aggregate_version set version = version + 1 where kind = 'user' and id = ${user}`.execute(db.sql);
  await sql`update aggregate_version set version = version + 1, xid = pg_current_xact_id() where kind = 'user' and id = ${user}`.execute(
    db.sql,
  );
  await sql`insert into aggregate_version (kind, id, version, xid) values ('account', 987654321, 1, pg_current_xact_id())`.execute(db.sql);
  await sql`insert into name_version (digest, version) values ('e3c5c2f8', 1)`.execute(db.sql);
  await sql`update name_version set version = 2 where digest = 'e3c5c2f8'`.execute(db.sql);
  await setOption(db, user, "k");
  await sequencer.run();
  expect(
    (await feedAfter(db, position))
      .filter(
        ({ aggregate }) => aggregate === `user/${user}` || aggregate === "account/987654321" || aggregate.startsWith("canonical_name/"),
      )
      .map(({ aggregate, version, key }) => [aggregate, version, key]),
  ).toEqual([
    [`user/${user}`, 2n, null],
    [`user/${user}`, 3n, null],
    ["account/987654321", 1n, null],
    ["canonical_name/e3c5c2f8", 1n, null],
    ["canonical_name/e3c5c2f8", 2n, null],
    [`user/${user}`, 4n, "user_option:0/0/k"],
  ]);
});
