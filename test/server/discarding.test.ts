import { once } from "node:events";
import { connect } from "node:http2";
import { expect, test } from "vitest";
import { formatAddress } from "../../src/server/sockets.ts";
import { startRefusing } from "./refusing.ts";

const MiB = 1024 * 1024;
const path = "/userd.v1.UserService/GetUser";

/** The calls that are answered before their request has arrived, and what their answer says. */
const cases = [
  ["a caller's message that is too large, in gRPC", "grpcAddress", "application/grpc", "Bearer canary-all", "8"],
  ["a caller's message that is too large, in Connect", "httpAddress", "application/proto", "Bearer canary-all", 429],
  ["a stranger's first call, in gRPC", "grpcAddress", "application/grpc", undefined, "16"],
  ["a stranger's first call, in Connect", "httpAddress", "application/proto", undefined, 401],
] as const;

test.for(cases)("%s: a client that does not stop loses the stream, and keeps the answer", async ([, port, type, authorization, said]) => {
  await using server = await startRefusing();
  const session = connect(`http://${formatAddress(server[port])}`, { maxSessionMemory: 1_000 });
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": type,
    ...(type === "application/grpc" && { te: "trailers" }),
    ...(authorization !== undefined && { authorization }),
  });
  const statuses: unknown[] = [];
  for (const event of ["response", "trailers"]) stream.on(event, (headers) => statuses.push(headers["grpc-status"] ?? headers[":status"]));
  stream.on("error", () => {}).resume();
  const closed = once(stream, "close");
  // gRPC's prefix announces 64 MiB.
  stream.write(Buffer.from([0, 4, 0, 0, 0]));
  let sent = 0;
  for (; sent < 64 && !stream.closed; sent += 1) {
    if (!stream.write(Buffer.alloc(MiB))) await Promise.race([once(stream, "drain"), closed]);
  }
  await closed;
  expect(statuses).toContain(said);
  expect({ code: stream.rstCode, sentAll: sent >= 64 }).toEqual({ code: 0, sentAll: false });
  session.destroy();
});
