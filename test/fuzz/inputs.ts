import { gzipSync } from "node:zlib";
import type { DescMethod } from "@bufbuild/protobuf";
import { randomBinary, randomJson } from "./messages.ts";
import type { Random } from "./random.ts";

/** What an input is sent as. */
type Protocol = "gRPC" | "Connect proto" | "Connect JSON" | "gRPC-Web";

/** All that an RPC can be asked through: the protocol, the port and the version of HTTP. */
export const targets = [
  { name: "gRPC", protocol: "gRPC", port: "grpc", version: 2 },
  { name: "Connect proto", protocol: "Connect proto", port: "http", version: 1 },
  { name: "Connect JSON", protocol: "Connect JSON", port: "http", version: 1 },
  { name: "gRPC-Web", protocol: "gRPC-Web", port: "http", version: 1 },
  { name: "gRPC on the HTTP port", protocol: "gRPC", port: "http", version: 2 },
  { name: "Connect proto over HTTP/2", protocol: "Connect proto", port: "http", version: 2 },
  { name: "Connect JSON over HTTP/2", protocol: "Connect JSON", port: "http", version: 2 },
  { name: "gRPC-Web over HTTP/2", protocol: "gRPC-Web", port: "http", version: 2 },
] as const satisfies readonly { name: string; protocol: Protocol; port: "grpc" | "http"; version: 1 | 2 }[];

/** Where an input goes, and as what. */
export type Target = (typeof targets)[number];

/** One request. */
export type Input = {
  readonly headers: Record<string, string>;
  readonly body: Buffer;
  /** grpc-js itself answers these with INTERNAL: a malformed grpc-timeout. */
  readonly mayBeInternal: boolean;
};

const types: Record<Protocol, string> = {
  gRPC: "application/grpc",
  "Connect proto": "application/proto",
  "Connect JSON": "application/json",
  "gRPC-Web": "application/grpc-web+proto",
};

const frame = (message: Buffer, flags = 0, length = message.length): Buffer => {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(length >>> 0, 1);
  return Buffer.concat([head, message]);
};

/** Frames a message, now and then wrongly. */
const framed = (random: Random, message: Buffer): Buffer => {
  if (random.chance(0.85)) return frame(message);
  return random.pick([
    () => frame(message, 0, message.length + 1 + random.below(100)),
    () => frame(message, 0, Math.max(0, message.length - 1)),
    () => frame(message, 0, 0xffff_ffff),
    () => frame(message, random.below(256)),
    () => frame(message, 1),
    () => Buffer.concat([frame(message), frame(message)]),
    () => Buffer.concat([frame(message), random.bytes(1 + random.below(8))]),
    () => message.subarray(0, 4),
    () => Buffer.alloc(0),
  ])();
};

const oddHeaders: Record<string, readonly [string, ...string[]]> = {
  "grpc-timeout": ["1S", "100m", "0m", "99999999H", "123456789S", "1", "S", "-1S", "1 S", "1x", ""],
  "connect-timeout-ms": ["1000", "0", "99999999999", "-1", "x", "1.5"],
  "connect-protocol-version": ["1", "2", "x"],
  "content-type": [
    "application/grpc+json",
    "text/plain",
    "application/grpc-web-text",
    "application/connect+json",
    "x",
    "application/json; charset=latin1",
  ],
  "x-request-id": ["a", "a b", "x".repeat(300), "ü"],
  "x-acting-user-id": ["1", "0", "-1", "x", "99999999999999999999"],
  traceparent: ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "x"],
  authorization: ["Bearer x", "Basic x", `Bearer ${"x".repeat(5_000)}`],
  "x-odd-bin": ["!!!", "AAAA"],
};

const names = Object.keys(oddHeaders) as [string, ...string[]];

/** A header of the kind that servers stumble over. */
const oddHeader = (random: Random): [string, string] => {
  const name = random.pick(names);
  return [name, random.pick(oddHeaders[name] ?? [""])];
};

const encodings = ["gzip", "identity", "deflate", "br", "x"] as const;

/** One random request for a method. */
export const randomInput = (random: Random, target: Target, { input }: Pick<DescMethod, "input">): Input => {
  const { protocol, port } = target;
  const headers: Record<string, string> = { "content-type": types[protocol] };
  if (protocol === "gRPC") headers["te"] = "trailers";
  let body = protocol === "Connect JSON" ? randomJson(random, input) : randomBinary(random, input);
  const isStream = protocol === "gRPC" || protocol === "gRPC-Web";
  if (random.chance(0.1)) {
    headers[isStream ? "grpc-encoding" : "content-encoding"] = random.pick(encodings);
    const packed = random.chance(0.5) ? gzipSync(body) : body;
    body = isStream ? frame(packed, 1) : packed;
  } else if (isStream) body = framed(random, body);
  if (random.chance(0.15)) {
    const [name, value] = oddHeader(random);
    headers[name] = value;
  }
  return { headers, body, mayBeInternal: port === "grpc" && "grpc-timeout" in headers };
};
