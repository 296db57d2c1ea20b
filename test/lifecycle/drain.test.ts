import { once } from "node:events";
import { connect } from "node:http2";
import { sql } from "kysely";
import { describe, expect } from "vitest";
import { createUser, value } from "../support/build.ts";
import { createClients } from "../support/clients.ts";
import { test } from "../support/database.ts";
import { startService } from "../support/userd.ts";

describe("a drain lets the calls in progress finish and exits with 0, on", { timeout: 60_000 }, () => {
  test.for([
    ["SIGTERM", "grpc-js"],
    ["SIGINT", "http2"],
  ] as const)("%s, with unary calls by %s", async ([signal, transport], { databaseUrl, db }) => {
    await using service = await startService({ DATABASE_URL: databaseUrl, GRPC_TRANSPORT: transport });
    const { byKind, close } = createClients(service);
    const { id: userId } = await createUser(byKind["grpc-js"]);
    const calls: Promise<unknown>[] = [];
    const blocking = db.sql.transaction().execute(async (holder) => {
      await sql`select from aggregate_version where id = ${userId} for update`.execute(holder);
      for (const kind of ["grpc-js", "Connect JSON"] as const) {
        calls.push(byKind[kind].options.setOption({ userId, key: "k", value: value(kind) }, { timeoutMs: 30_000 }));
      }
      const waiting = async () => {
        const { rows } = await sql<{ count: number }>`select count(*)::int as count from pg_locks
          where not granted and pid in (select pid from pg_stat_activity where application_name = 'userd')`.execute(db.sql);
        return rows[0]?.count ?? 0;
      };
      // Both have arrived: what a client sends into a drain is not in progress.
      await expect.poll(waiting, { timeout: 20_000 }).toBeGreaterThanOrEqual(2);
      service.process.kill(signal);
      // New connections are refused: the drain has begun, and the calls are still there.
      const refused = () =>
        fetch(`http://127.0.0.1:${service.httpAddress.port}/healthz`).then(
          () => false,
          () => true,
        );
      await expect.poll(refused, { timeout: 8_000 }).toBe(true);
      expect(service.process.exitCode).toBeNull();
    });
    await blocking;
    await expect(Promise.all(calls)).resolves.toHaveLength(2);
    close();
    expect(await service.ended).toMatchObject({ code: 0, signal: null });
    const { rows } = await sql`select from user_option where user_id = ${userId}`.execute(db.sql);
    expect(rows).toHaveLength(1);
  });
});

test("a stream that is refused in the middle leaves nothing that keeps a drained process", { timeout: 60_000 }, async ({ databaseUrl }) => {
  await using service = await startService({ DATABASE_URL: databaseUrl });
  const url = `http://127.0.0.1:${service.httpAddress.port}/userd.v1.UserService/ImportUsers`;
  // Envelopes: one that is no JSON, one that breaks a rule, with more behind them that nobody reads, over both versions of HTTP.
  const envelope = (text: string) => [0, 0, 0, 0, text.length, ...Buffer.from(text)];
  for (const first of ["x", "{}", '{"nothing":1}']) {
    const body = Uint8Array.from([...envelope(first), ...Array.from({ length: 200 }, () => envelope("{}")).flat()]);
    const headers = { "content-type": "application/connect+json" };
    await fetch(url, { method: "POST", headers, body }).then((answer) => answer.text());
    const session = connect(`http://127.0.0.1:${service.httpAddress.port}`);
    const stream = session.request({ ":method": "POST", ":path": "/userd.v1.UserService/ImportUsers", ...headers });
    stream.on("error", () => {}).write(body);
    await Promise.race([once(stream, "close"), new Promise((resolve) => setTimeout(resolve, 500))]);
    session.destroy();
  }
  service.process.kill("SIGTERM");
  expect(await Promise.race([service.ended, new Promise((resolve) => setTimeout(resolve, 12_000))])).toMatchObject({ code: 0 });
});
