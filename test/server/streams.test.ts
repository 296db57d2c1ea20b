import { once } from "node:events";
import { connect } from "node:http2";
import { PassThrough } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { create, type Message, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test as unit } from "vitest";
import { ImportUsersRequestSchema } from "../../src/gen/userd/v1/user_batch_pb.ts";
import { StreamUsersRequestSchema } from "../../src/gen/userd/v1/user_list_pb.ts";
import { UserService } from "../../src/gen/userd/v1/user_service_pb.ts";
import { localCallers } from "../../src/server/callers/callers.ts";
import { createCapacity } from "../../src/server/capacity/capacity.ts";
import { createRefusals } from "../../src/server/capacity/refusals.ts";
import { compile } from "../../src/server/interceptors/index.ts";
import type { InterceptorContext } from "../../src/server/interceptors/interceptor.ts";
import { Invocation } from "../../src/server/interceptors/invocation.ts";
import { Code } from "../../src/server/interceptors/status.ts";
import { type AnyOperation, prepareRpcs, type Rpc } from "../../src/server/rpc.ts";
import { type CallMetrics, createMetrics } from "../../src/telemetry/metrics.ts";
import { createUser, unique } from "../support/build.ts";
import { silent } from "../support/database.ts";
import { expectRefusal } from "../support/errors.ts";
import { test } from "../support/service.ts";
import { exchangeHttp2, framed } from "./raw-http2.ts";
import { startRefusing } from "./refusing.ts";

const rpcs = prepareRpcs([{ service: UserService, operations: new Proxy({}, { get: () => () => ({}) }) as never }]);

/** One call of an RPC of this name whose operation is this one. */
const invoke = (name: string, operation: unknown, received: unknown, limits: Partial<Rpc> = {}) => {
  const declared = rpcs.find((rpc) => rpc.method.name === name);
  if (declared === undefined) throw new Error(`There is no ${name}.`);
  const rpc: Rpc = { ...declared, ...limits, operation: operation as AnyOperation };
  const codes: string[] = [];
  const capacity = createCapacity(2);
  const metrics: CallMetrics = { ...createMetrics().calls, forMethod: () => (code) => void codes.push(code) };
  const context: InterceptorContext = {
    log: silent,
    metrics,
    capacity,
    refusals: createRefusals(silent, metrics),
    callers: localCallers(),
    explain: () => undefined,
  };
  const codec = { decode: (message: unknown) => message as Message, encode: (response: object) => response };
  const outlet = new PassThrough({ objectMode: true, highWaterMark: 1 });
  let cancel = () => {};
  const transport = {
    header: () => undefined,
    headers: () => "",
    connection: () => undefined,
    deadline: () => Number.POSITIVE_INFINITY,
    onCancel: (_: unknown, listener: () => void) => (cancel = listener),
  };
  const answered = Promise.resolve(
    compile({ ...rpc, ...codec }, context)(new Invocation(rpc, transport, undefined, silent, outlet), received),
  );
  answered.catch(() => {});
  return { answered, outlet, codes, capacity, cancel: () => cancel() };
};

const request = create(StreamUsersRequestSchema);

describe("streams in the chain", () => {
  unit("a response is asked for when the client has taken the one before", async () => {
    let asked = 0;
    const operation = async function* () {
      for (; asked < 100; asked += 1) yield {};
    };
    const { answered, outlet, codes, capacity } = invoke("StreamUsers", operation, request);
    await delay(20);
    expect(asked).toBeLessThan(5);
    expect(capacity.inProgress()).toBe(1);
    expect(codes).toEqual([]);
    outlet.resume();
    await answered;
    expect(asked).toBe(100);
    expect(capacity.inProgress()).toBe(0);
    expect(codes).toEqual(["OK"]);
  });

  unit("a client that takes nothing ends the call, and the operation's iteration with it", async () => {
    let cleaned = false;
    const operation = async function* () {
      try {
        for (;;) yield {};
      } finally {
        cleaned = true;
      }
    };
    const { answered, codes, capacity } = invoke("StreamUsers", operation, request, { idleMs: 30 });
    await expect(answered).rejects.toMatchObject({ reason: "DEADLINE_PASSED" });
    await expect.poll(() => cleaned).toBe(true);
    expect([codes, capacity.inProgress()]).toEqual([["DEADLINE_EXCEEDED"], 0]);
  });

  unit("a stream that moves lasts longer than its idle limit", async () => {
    const operation = async function* () {
      for (let sent = 0; sent < 6; sent += 1) {
        await delay(15);
        yield {};
      }
    };
    const { answered, outlet, codes } = invoke("StreamUsers", operation, request, { idleMs: 60 });
    outlet.resume();
    await answered;
    expect(codes).toEqual(["OK"]);
  });

  unit("a client that goes away ends the operation, also while it waits for the client's messages", async () => {
    const silentForever = (async function* (): AsyncGenerator<Message> {
      yield create(ImportUsersRequestSchema, { user: { username: "ann" } });
      await new Promise(() => {});
    })();
    let received = 0;
    const operation = async (_: unknown, requests: AsyncIterable<Message>) => {
      for await (const _message of requests) received += 1;
      return {};
    };
    const { answered, cancel, codes } = invoke("ImportUsers", operation, silentForever);
    await expect.poll(() => received).toBe(1);
    cancel();
    await expect(answered).rejects.toMatchObject({ reason: "CALL_CANCELLED" });
    expect(codes).toEqual(["CANCELLED"]);
  });

  unit("every message is held against the rules of the proto", async () => {
    const messages = (async function* (): AsyncGenerator<Message> {
      yield create(ImportUsersRequestSchema, { user: { username: "ann" } });
      yield create(ImportUsersRequestSchema, {});
    })();
    const operation = async (_: unknown, requests: AsyncIterable<Message>) => {
      for await (const _message of requests);
      return {};
    };
    const { answered } = invoke("ImportUsers", operation, messages);
    await expect(answered).rejects.toMatchObject({ reason: "FIELD_INVALID" });
  });
});

describe.for(["grpc-js", "Connect JSON", "gRPC-Web", "Connect gRPC"] as const)("streams, through %s", (kind) => {
  test("a client that stops in the middle frees its place", async ({ clients, service }) => {
    const { users } = clients[kind];
    const query = unique("stop");
    for (let index = 0; index < 3; index += 1) await createUser(clients[kind], { username: `${query}${index}` });
    const stop = new AbortController();
    const responses = users.streamUsers({ filter: { query } }, { signal: stop.signal })[Symbol.asyncIterator]();
    expect((await responses.next()).value?.user?.username).toBe(`${query}0`);
    stop.abort();
    await responses.return?.();
    const inProgress = async () => {
      const page = await fetch(`http://127.0.0.1:${service.httpAddress.port}/metrics`);
      return /^userd_calls_in_progress (\d+)$/m.exec(await page.text())?.[1];
    };
    await expect.poll(inProgress).toBe("0");
  });

  test("a deadline of the client holds for streams too", async ({ clients }) => {
    const { users } = clients[kind];
    const never = (async function* () {
      yield { user: { username: unique("late") } };
      await delay(5_000, undefined, { ref: false });
    })();
    await expectRefusal(users.importUsers(never, { timeoutMs: 100 }), "DeadlineExceeded");
  });
});

/** A message with another first five bytes: how it is compressed, and how long it says it is. */
const headed = (flags: number, length: number): Buffer => {
  const frame = framed(Buffer.alloc(20), flags);
  frame.writeUInt32BE(length, 1);
  return frame;
};

describe.for(["grpcAddress", "httpAddress"] as const)("a request stream on %s", (port) => {
  const first = framed(toBinary(ImportUsersRequestSchema, create(ImportUsersRequestSchema, { user: { username: "ann" } })));
  const headers = {
    ":path": "/userd.v1.UserService/ImportUsers",
    "content-type": "application/grpc",
    te: "trailers",
    authorization: "Bearer canary-all",
  };

  unit.for([
    ["is longer than any message may be", headed(0, 0xffff_ffff), Code.RESOURCE_EXHAUSTED],
    ["has flags that nobody knows", headed(7, 20), Code.INVALID_ARGUMENT],
    ["is compressed, and nothing said how", headed(1, 20), Code.INVALID_ARGUMENT],
    ["ends before its message", headed(0, 100), Code.INVALID_ARGUMENT],
    ["ends within its first bytes", headed(0, 100).subarray(0, 3), Code.INVALID_ARGUMENT],
  ] as const)("is refused for a frame that %s", async ([, frame, code]) => {
    await using server = await startRefusing();
    const url = `http://127.0.0.1:${server[port].port}`;
    const { headers: answer, trailers } = await exchangeHttp2(url, { headers, chunks: [first, frame] });
    expect(trailers["grpc-status"] ?? answer["grpc-status"]).toBe(`${code}`);
  });

  unit("whose frame is refused while its client goes on sending is no fault of userd", async () => {
    await using server = await startRefusing();
    const session = connect(`http://127.0.0.1:${server[port].port}`);
    const stream = session.request({ ":method": "POST", ...headers });
    stream.write(headed(0, 0xffff_ffff));
    const [answer] = await once(stream, "response");
    expect(answer).toMatchObject({ "grpc-status": `${Code.RESOURCE_EXHAUSTED}` });
    await expect.poll(() => server.logged().map(({ level }) => level)).not.toEqual([]);
    expect(server.logged().map(({ level }) => level)).not.toContain("error");
    session.destroy();
  });
});
