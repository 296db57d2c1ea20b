import { connect, constants } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { sql } from "kysely";
import { expect, vi } from "vitest";
import { startApp } from "../../src/app.ts";
import { RetryInfoSchema } from "../../src/gen/google/rpc/error_details_pb.ts";
import { WatchChangesRequestSchema } from "../../src/gen/userd/v1/change_pb.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { buildUser, createUser, value } from "../support/build.ts";
import { createClients } from "../support/clients.ts";
import { silent } from "../support/database.ts";
import { expectRefusal } from "../support/errors.ts";
import { test as base, clientKinds, testConfig } from "../support/service.ts";
import { watch } from "./watch-fixture.ts";

/** A service that takes four watchers. */
const test = base.extend("small", async ({ databaseUrl }, { onCleanup }) => {
  const app = await startApp(testConfig(databaseUrl, { MAX_WATCHERS: "4" }), silent, { migrate: true });
  const clients = createClients(app);
  onCleanup(async () => {
    clients.close();
    await app[Symbol.asyncDispose]();
  });
  return { app, own: clients.byKind["grpc-js"], byKind: clients.byKind };
});

test("one watcher more than there may be is refused, and told to try again; one that ends leaves its place", async ({
  small: { own, byKind },
}) => {
  const streams = clientKinds.map((kind) => watch(byKind[kind]));
  for (const stream of streams) await stream.message();
  for (const kind of clientKinds) {
    const { error } = await expectRefusal(watch(byKind[kind]).end(), "ResourceExhausted", "WATCHERS_EXHAUSTED");
    expect(error.findDetails(RetryInfoSchema), kind).toMatchObject([{ retryDelay: { seconds: 5n } }]);
  }
  await streams[0]?.[Symbol.asyncDispose]();
  await vi.waitFor(async () => {
    await using another = watch(own);
    await another.message();
  });
  for (const stream of streams) await stream[Symbol.asyncDispose]();
});

test("a drain ends streams with the position to go on from", async ({ small: { app, own }, clients: { "grpc-js": other } }) => {
  const user = await createUser(other);
  await using stream = watch(own, { filter: { userIds: [user.id] } });
  await stream.message();
  await other.options.setOption({ userId: user.id, key: "a", value: value(1) });
  await stream.changes(1);
  const ended = expectRefusal(stream.end(), "Unavailable", "SHUTTING_DOWN");
  await app.drain();
  const { info } = await ended;
  await other.options.setOption({ userId: user.id, key: "b", value: value(1) });
  await using next = watch(other, { filter: { userIds: [user.id] }, start: { case: "position", value: info?.metadata["position"] ?? "" } });
  expect((await next.settled()).map(({ key }) => key)).toEqual(["0/0/b"]);
});

test("another epoch ends streams of every protocol, and their positions and tokens count no more", async ({
  small: { own, byKind },
  db,
}) => {
  const { consistencyToken } = await own.users.createUser({ user: buildUser() });
  const streams = clientKinds.map((kind) => watch(byKind[kind]));
  const positions: string[] = [];
  for (const stream of streams) positions.push((await stream.message()).bookmark?.position ?? "");
  const ended = streams.map((stream) => expectRefusal(stream.end(), "OutOfRange", "POSITION_OF_ANOTHER_EPOCH"));
  await sql`create or replace function current_epoch() returns text language sql stable parallel safe as $$ select 'after-a-failover' $$`.execute(
    db.sql,
  );
  await Promise.all(ended);
  for (const [index, kind] of clientKinds.entries()) {
    const again = watch(byKind[kind], { start: { case: "position", value: positions[index] ?? "" } });
    await expectRefusal(again.end(), "OutOfRange", "POSITION_OF_ANOTHER_EPOCH");
    const behindWrite = watch(byKind[kind], { start: { case: "consistencyToken", value: consistencyToken } });
    await expectRefusal(behindWrite.end(), "OutOfRange", "POSITION_OF_ANOTHER_EPOCH");
    await using fresh = watch(byKind[kind]);
    await fresh.message();
  }
});

test("a client that takes nothing costs no memory of changes, and the others get theirs", async ({ small: { app, own }, db }) => {
  const session = connect(`http://${formatAddress(app.grpcAddress)}`, { settings: { initialWindowSize: 0 } });
  const silentStream = session.request({
    [constants.HTTP2_HEADER_METHOD]: "POST",
    [constants.HTTP2_HEADER_PATH]: "/userd.v1.ChangeService/WatchChanges",
    "content-type": "application/grpc",
    te: "trailers",
  });
  silentStream.on("error", () => {});
  const body = toBinary(WatchChangesRequestSchema, create(WatchChangesRequestSchema));
  silentStream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, body.length]), body]));
  const user = await createUser(own);
  await using stream = watch(own, { filter: { userIds: [user.id] } });
  await stream.message();
  await sql`insert into user_option (user_id, scope_kind, scope_id, key, value)
    select ${user.id}, 0, 0, 'k' || n, '1' from generate_series(1, 5000) n`.execute(db.sql);
  expect(new Set((await stream.settled()).map(({ key }) => key)).size).toBe(5_000);
  session.destroy();
});
