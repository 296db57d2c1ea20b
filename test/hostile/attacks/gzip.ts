import { type ClientHttp2Session, connect } from "node:http2";
import { gzipSync } from "node:zlib";
import { framed } from "../../server/raw-http2.ts";
import { type Attack, forSeconds, type Port, type Strength, type Target } from "../attack.ts";
import { as } from "../target.ts";

const MiB = 1024 * 1024;

/** 4 KB that become 4 MiB: the most that a request may have, in a field that the service would read. */
const bomb = gzipSync(Buffer.alloc(4 * MiB), { level: 9 });

const perConnection = 100;

/** What answered a body: the status of gRPC or of HTTP. */
const send = (session: ClientHttp2Session, port: Port, headers: Record<string, string>): Promise<string> =>
  new Promise((resolve) => {
    const isGrpc = port === "grpc";
    const stream = session.request({
      ":method": "POST",
      // It takes 4 MiB.
      ":path": "/userd.v1.UserOptionService/BatchSetOptions",
      "content-type": isGrpc ? "application/grpc" : "application/proto",
      [isGrpc ? "grpc-encoding" : "content-encoding"]: "gzip",
      ...(isGrpc && { te: "trailers" }),
      ...headers,
    });
    let status = "none";
    const note = (received: Record<string, unknown>) => {
      status = String(received["grpc-status"] ?? received[":status"] ?? status);
    };
    stream.on("response", note).on("trailers", note);
    stream.on("error", () => {}).resume();
    stream.on("close", () => resolve(status));
    stream.end(isGrpc ? framed(bomb, 1) : bomb);
  });

const sendAll = async (target: Target, count: number, headers: Record<string, string>): Promise<ReadonlyMap<string, number>> => {
  const statuses = new Map<string, number>();
  const sessions: ClientHttp2Session[] = [];
  const all: Promise<void>[] = [];
  for (const port of ["grpc", "http"] as const) {
    for (let sent = 0; sent < count / 2; sent += perConnection) {
      const session = connect(target.url(port));
      session.on("error", () => {});
      sessions.push(session);
      for (let index = sent; index < Math.min(sent + perConnection, count / 2); index += 1) {
        all.push(
          send(session, port, headers).then((status) => {
            const key = `${port} ${status}`;
            statuses.set(key, (statuses.get(key) ?? 0) + 1);
          }),
        );
      }
    }
  }
  await Promise.all(all);
  for (const session of sessions) session.destroy();
  return statuses;
};

const countOf = ({ of }: Strength): number => of(400, 1_000);

/** Bodies of gzip by somebody without a token. */
export const gzipOfStranger: Attack = {
  name: "gzip",
  about: "bodies of 4 KB gzip that become 4 MiB, without a token, half of them to each port",
  run: async (target, strength) => {
    const count = countOf(strength);
    let [sent, refused] = [0, 0];
    await forSeconds(strength.of(2, 10), async () => {
      const statuses = await sendAll(target, count, {});
      sent += count;
      refused += (statuses.get("grpc 16") ?? 0) + (statuses.get("http 401") ?? 0);
    });
    return [{ name: "refused_as_unauthenticated", value: refused, bound: sent, atLeast: true }];
  },
};

/** The same bodies by a caller. */
export const gzipOfCaller: Attack = {
  name: "gzip-caller",
  about: "bodies of 4 KB gzip that become 4 MiB, by a caller with a token, half of them to each port",
  run: async (target, strength) => {
    const count = countOf(strength);
    let [sent, answered] = [0, 0];
    await forSeconds(strength.of(2, 10), async () => {
      const statuses = await sendAll(target, count, as("greedy"));
      sent += count;
      // INVALID_ARGUMENT; RESOURCE_EXHAUSTED where there is no room; DEADLINE_EXCEEDED where the turn comes too late.
      for (const status of ["grpc 3", "grpc 8", "grpc 4", "http 400", "http 429", "http 504"]) answered += statuses.get(status) ?? 0;
    });
    return [{ name: "answered_as_bad_exhausted_or_late", value: answered, bound: sent, atLeast: true }];
  },
};
