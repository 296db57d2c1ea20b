import pg from "pg";
import { expect, test } from "vitest";
import { startApp } from "../../src/app.ts";
import { verifyAuditChain } from "../../src/changes/audit-chain.ts";
import { openDatabase } from "../../src/db/orm.ts";
import { createUser } from "../support/build.ts";
import { createClients } from "../support/clients.ts";
import { cloneDatabase, secretKey, silent } from "../support/database.ts";
import { testConfig } from "../support/service.ts";

const disposable = <C extends { readonly close: () => void }>(clients: C) => ({ ...clients, [Symbol.dispose]: clients.close });

test("what the owner of the database rewrites, adds to or takes from the audit trail is found", async () => {
  await using database = await cloneDatabase();
  await using db = await openDatabase({ database: { kind: "postgres", url: database.url }, poolSize: 2 }, silent);
  const owner = new pg.Client(database.url);
  await owner.connect();
  try {
    const ids: bigint[] = [];
    await using service = await startApp(testConfig(database.url, { AUDIT_CHAIN: "true" }), silent, { migrate: true });
    using clients = disposable(createClients(service));
    const { users, changes } = clients.byKind["grpc-js"];
    for (let count = 0; count < 5; count += 1) {
      const { id } = await createUser(clients.byKind["grpc-js"]);
      await users.updateUser({ user: { id, isStaff: true } }, { headers: { "x-change-reason": "so" } });
      await changes.getFeedPosition({});
      const { auditEntries } = await changes.listAuditEntries({ filter: { userId: id, kinds: ["users"] }, pageSize: 1 });
      ids.push(auditEntries[0]?.id ?? 0n);
    }
    const verify = (key = secretKey) => verifyAuditChain(db.session(), key, 400);
    const whole = await verify();
    expect(whole).toMatchObject({ broken: undefined, entries: Number((await owner.query("select count(*) from changes")).rows[0].count) });
    expect((await verify(Buffer.alloc(32, 8))).broken, "without the key nobody makes such a chain").toBeDefined();

    const positionOf = async (id: bigint) =>
      BigInt((await owner.query("select position from feed where change_id = $1", [String(id)])).rows[0].position);
    const [, second = 0n, third = 0n, fourth = 0n] = ids;
    const [atSecond, atThird, atFourth] = [await positionOf(second), await positionOf(third), await positionOf(fourth)];
    // A session of the owner that runs no triggers.
    await owner.query("set session_replication_role = replica");
    const rewritten = async (statement: string, id: bigint) => {
      await owner.query(statement, [String(id)]);
      return (await verify()).broken;
    };
    expect(await rewritten("update changes set reason = 'another' where id = $1", third)).toMatchObject({ position: atThird });
    expect(await rewritten("update changes set reason = 'so' where id = $1", third)).toBeUndefined();
    expect(await rewritten("delete from changes where id = $1", fourth)).toMatchObject({
      position: atFourth,
      why: `the entry ${fourth} is gone`,
    });
    // With its link, too, the next one does not fit.
    expect(await rewritten("delete from audit_chain where $1 = any(change_ids)", fourth)).toBeDefined();
    expect(await rewritten("update changes set caller = 'nobody', changed = null where id = $1", second)).toMatchObject({
      position: atSecond,
    });
  } finally {
    await owner.end();
  }
});
