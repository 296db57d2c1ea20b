import { connect } from "node:http2";
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { ListUsersRequestSchema } from "../../../src/gen/userd/v1/user_list_pb.ts";
import { framed } from "../../server/raw-http2.ts";
import { delimited, nestedRequest } from "../../server/wire.ts";
import type { Attack, Port, Target } from "../attack.ts";
import { as } from "../target.ts";

const MiB = 1024 * 1024;

type Bomb = { readonly path: string; readonly body: Buffer; readonly json?: true; readonly gzip?: true };

const batchSet = "/userd.v1.UserOptionService/BatchSetOptions";
const setOption = "/userd.v1.UserOptionService/SetOption";

/** Messages that are small to send, or that ask for much work. */
const bombs: Readonly<Record<string, Bomb>> = {
  "64 MiB": { path: batchSet, body: Buffer.alloc(64 * MiB, 10) },
  "gzip 1:1000": { path: batchSet, body: gzipSync(Buffer.alloc(64 * MiB)), gzip: true },
  "a value nested 10^5 deep": { path: setOption, body: nestedRequest(20_000) },
  "JSON nested 10^5 deep": {
    path: setOption,
    json: true,
    body: Buffer.from(`{"userId":"7","key":"a","value":${"[".repeat(100_000)}${"]".repeat(100_000)}}`),
  },
  "10^5 keys": {
    path: setOption,
    json: true,
    body: Buffer.from(`{"userId":"7","key":"a","value":{${Array.from({ length: 100_000 }, (_, index) => `"${index}":0`).join(",")}}}`),
  },
  "10^6 elements": { path: batchSet, body: Buffer.concat(Array.from({ length: 1_000_000 }, () => Buffer.from([10, 0]))) },
  "a filter of 1 MiB": {
    path: "/userd.v1.UserService/ListUsers",
    body: Buffer.from(
      toBinary(ListUsersRequestSchema, create(ListUsersRequestSchema, { filter: { expression: `${"(".repeat(1_000_000)}true` } })),
    ),
  },
  "one field of 4 MiB": { path: batchSet, body: delimited(1, Buffer.alloc(4 * MiB - 100)) },
};

const patienceMs = 20_000;

const send = (target: Target, port: Port, { path, body, json, gzip }: Bomb): Promise<string> =>
  new Promise((resolve) => {
    // Node's client refuses answers while it has much to send, unless it is told not to.
    const session = connect(target.url(port), { maxSessionMemory: 1_000 });
    session.on("error", () => {});
    const isGrpc = port === "grpc";
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": isGrpc ? "application/grpc" : json ? "application/json" : "application/proto",
      ...(isGrpc && { te: "trailers" }),
      ...(gzip && { [isGrpc ? "grpc-encoding" : "content-encoding"]: "gzip" }),
      ...as("greedy"),
    });
    let status = "none";
    const note = (received: Record<string, unknown>) => {
      status = String(received["grpc-status"] ?? received[":status"] ?? status);
    };
    const timer = setTimeout(() => session.destroy(), patienceMs);
    stream
      .on("response", note)
      .on("trailers", note)
      .on("error", () => {})
      .resume();
    stream.on("close", () => {
      clearTimeout(timer);
      session.destroy();
      resolve(`${port} ${status}`);
    });
    stream.end(isGrpc ? framed(body, gzip ? 1 : 0) : body);
  });

/** INVALID_ARGUMENT and RESOURCE_EXHAUSTED; 413 is what HTTP has for the latter. */
const refused: ReadonlySet<string> = new Set(["grpc 3", "grpc 8", "http 400", "http 413", "http 429"]);

/** Messages that are too large, too deep or too many, by a caller. */
export const sizeBombs: Attack = {
  name: "bombs",
  about: "messages of a caller that are too large, too deep or too many, one of each at a time to each port",
  // What one message of 4 MiB takes while it is decoded comes on top of what several may take before.
  bounds: { memoryMb: 100, politeMs: 500 },
  run: async (target, { of }) => {
    let [sent, answered] = [0, 0];
    for (let round = 0; round < of(1, 5); round += 1) {
      for (const [name, bomb] of Object.entries(bombs)) {
        const ports: readonly Port[] = bomb.json ? ["http"] : ["grpc", "http"];
        const statuses = await Promise.all(ports.map((port) => send(target, port, bomb)));
        sent += statuses.length;
        for (const status of statuses) {
          if (refused.has(status)) answered += 1;
          else process.stderr.write(`${name}: ${status}\n`);
        }
      }
    }
    return [{ name: "refused_as_bad_or_exhausted", value: answered, bound: sent, atLeast: true }];
  },
};
