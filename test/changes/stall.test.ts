import { once } from "node:events";
import { connect, constants } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { sql } from "kysely";
import { expect } from "vitest";
import { WatchChangesRequestSchema } from "../../src/gen/userd/v1/change_pb.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { createUser } from "../support/build.ts";
import { test } from "../support/service.ts";

test("a client that takes nothing for 30 s is told ABORTED and its last position when it reads at last", { timeout: 90_000 }, async ({
  service,
  db,
  clients: { "grpc-js": own },
}) => {
  const session = connect(`http://${formatAddress(service.grpcAddress)}`);
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: "POST",
    [constants.HTTP2_HEADER_PATH]: "/userd.v1.ChangeService/WatchChanges",
    "content-type": "application/grpc",
    te: "trailers",
  });
  const body = toBinary(WatchChangesRequestSchema, create(WatchChangesRequestSchema, { start: { case: "earliest", value: true } }));
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(body.length, 1);
  const user = await createUser(own);
  await sql`insert into user_option (user_id, scope_kind, scope_id, key, value)
    select ${user.id}, 0, 0, 'k' || n, '1' from generate_series(1, 30000) n`.execute(db.sql);
  await own.changes.getFeedPosition({});
  stream.pause();
  stream.end(Buffer.concat([frame, body]));
  await new Promise((resolve) => setTimeout(resolve, 32_000));
  const trailers = once(stream, "trailers");
  stream.resume();
  const [{ "grpc-status": status, "grpc-status-details-bin": details }] = (await trailers) as [Record<string, string>];
  expect(status).toBe("10");
  expect(Buffer.from(details ?? "", "base64").toString("latin1")).toMatch(/WATCHER_STALLED[\s\S]*position/);
  session.destroy();
});
