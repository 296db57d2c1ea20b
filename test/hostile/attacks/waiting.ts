import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { setTimeout as delay } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { GetOptionRequestSchema } from "../../../src/gen/userd/v1/user_option_service_pb.ts";
import { framed } from "../../server/raw-http2.ts";
import type { Attack, Finding, Port, Target } from "../attack.ts";
import { as } from "../target.ts";

const path = "/userd.v1.UserOptionService/GetOption";

/** Streams of one connection, and whether each is still open. */
const openStreams = (target: Target, port: Port, count: number, headers: Record<string, string>, body: Uint8Array, ends: boolean) => {
  const session: ClientHttp2Session = connect(target.url(port), { settings: { initialWindowSize: 0 } });
  session.on("error", () => {});
  const open = new Set<ClientHttp2Stream>();
  for (let index = 0; index < count; index += 1) {
    const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers", ...headers });
    open.add(stream);
    stream.on("error", () => {}).on("close", () => open.delete(stream));
    // Headers and trailers come with window 0 as well: the answer is seen, and the stream goes on.
    stream.on("response", () => {});
    stream.write(body);
    if (ends) stream.end();
  }
  return { open, end: () => session.destroy() };
};

const whole = (userId: bigint): Buffer =>
  framed(toBinary(GetOptionRequestSchema, create(GetOptionRequestSchema, { userId, key: "timezone" })));

const waitFor = async (
  target: Target,
  count: number,
  headers: Record<string, string>,
  body: Uint8Array,
  ends: boolean,
): Promise<readonly Finding[]> => {
  const findings: Finding[] = [];
  const started = performance.now();
  const all = (["grpc", "http"] as const).map((port) => ({ port, ...openStreams(target, port, count, headers, body, ends) }));
  const patienceMs = 25_000;
  while (all.some(({ open }) => open.size > 0) && performance.now() - started < patienceMs) await delay(100);
  const seconds = (performance.now() - started) / 1_000;
  for (const { port, open, end } of all) {
    findings.push({ name: `${port}_streams_held`, value: open.size, bound: 0 });
    end();
  }
  return [...findings, { name: "seconds_until_ended", value: seconds, bound: 18 }];
};

/** Bodies that never come to an end, by a caller who asks for a minute. */
export const slowBodies: Attack = {
  name: "slow-bodies",
  about: "half a message on each of many streams by a caller who asks for 60 s (connect-timeout-ms, grpc-timeout)",
  run: (target, { of }) =>
    waitFor(target, of(50, 100), { ...as("greedy"), "grpc-timeout": "60S" }, whole(target.userId).subarray(0, 6), false),
};

/** The same without a token. */
export const slowStrangers: Attack = {
  name: "slow-strangers",
  about: "half a message on each of many streams without a token",
  run: (target, { of }) => waitFor(target, of(50, 100), { "grpc-timeout": "60S" }, whole(target.userId).subarray(0, 6), false),
};

/** Answers that nobody takes. */
export const unread: Attack = {
  name: "unread",
  about: "calls of a caller who takes no answer (window 0)",
  run: (target, { of }) => waitFor(target, of(50, 100), as("greedy"), whole(target.userId), true),
};
