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
    // Nothing comes with window 0 but headers and trailers; without this the client does not see the end.
    stream.resume();
    stream.write(body);
    if (ends) stream.end();
  }
  return { open, end: () => session.destroy() };
};

/** The longest that a stream may be held, in seconds: 10 for a body, and 5 more for a client that goes on. */
const boundSeconds = 18;
const patienceMs = 25_000;

const whole = (userId: bigint): Buffer =>
  framed(toBinary(GetOptionRequestSchema, create(GetOptionRequestSchema, { userId, key: "timezone" })));

type Held = { readonly count: number; readonly headers: Record<string, string>; readonly body: Uint8Array; readonly ends: boolean };

const waitFor = async (target: Target, name: string, { count, headers, body, ends }: Held): Promise<readonly Finding[]> => {
  const findings: Finding[] = [];
  const started = performance.now();
  const all = (["grpc", "http"] as const).map((port) => ({ port, ...openStreams(target, port, count, headers, body, ends) }));
  while (all.some(({ open }) => open.size > 0) && performance.now() - started < patienceMs) await delay(100);
  const seconds = (performance.now() - started) / 1_000;
  for (const { port, open, end } of all) {
    findings.push({ name: `${name}_held_${port}`, value: open.size, bound: 0 });
    end();
  }
  return [...findings, { name: `${name}_seconds`, value: seconds, bound: boundSeconds }];
};

/** Streams whose clients send nothing more, or take nothing. */
export const waiting: Attack = {
  name: "waiting",
  about:
    "half messages without a token, half messages of a caller who asks for 60 s, and answers that their caller does not take (window 0)",
  run: async (target, { of }) => {
    const count = of(50, 100);
    const body = whole(target.userId);
    const half = body.subarray(0, 6);
    const minute = { "grpc-timeout": "60S" };
    const findings = await Promise.all([
      waitFor(target, "strangers", { count, headers: minute, body: half, ends: false }),
      waitFor(target, "slow_bodies", { count, headers: { ...as("greedy"), ...minute }, body: half, ends: false }),
      waitFor(target, "unread", { count, headers: as("greedy"), body, ends: true }),
    ]);
    return findings.flat();
  },
};
