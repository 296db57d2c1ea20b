import { connect, type IncomingHttpHeaders, type IncomingHttpStatusHeader } from "node:http2";
import { setTimeout as delay } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { notFound } from "../../src/errors.ts";
import { RetryInfoSchema } from "../../src/gen/google/rpc/error_details_pb.ts";
import { GetOptionRequestSchema, UserOptionService } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { nextLimit, standingDelay, turnLeft } from "../../src/server/capacity/adaptive-limit.ts";
import { createBucket } from "../../src/server/capacity/bucket.ts";
import { createCapacity } from "../../src/server/capacity/capacity.ts";
import { createFullRefusals } from "../../src/server/capacity/refusal.ts";
import { shareOf } from "../../src/server/capacity/share.ts";
import { createTurns } from "../../src/server/capacity/turns.ts";
import { route } from "../../src/server/route.ts";
import { prepareRpcs } from "../../src/server/rpc.ts";
import { expectRefusal } from "../support/errors.ts";
import { bearing, replaceCallersFile, sha256, writeCallersFile } from "./callers/callers-file.ts";
import { framed } from "./raw-http2.ts";
import { defaults, startServer, validRequest } from "./server.ts";

const permissions = ["options.read", "options.write"];
const callersFile = (...callers: readonly Record<string, unknown>[]) =>
  writeCallersFile({ callers: callers.map((one) => ({ token_sha256: sha256(String(one["name"])), permissions, ...one })) });

const rpcs = prepareRpcs([route(UserOptionService, defaults)]);
const [rpc, write] = [true, false].map((isRead) => rpcs.find((one) => one.kind === "unary" && one.isRead === isRead));
if (rpc === undefined || write === undefined) throw new Error("the service has RPCs that read and that write");
const caller = (name: string, limits: object = {}) => ({ name, permissions: new Set<string>(), ...limits });

/** Calls that hang until they are let go. */
const hanging = () => {
  const released = Promise.withResolvers<object>();
  return { operation: () => released.promise, release: () => released.resolve({ found: true }) };
};

describe("the share of a caller", () => {
  const enterAll = (capacity: ReturnType<typeof createCapacity>, name: string, calls: number, limits = {}) => {
    const who = caller(name, limits);
    const taken = Array.from({ length: calls }, () => capacity.enter(rpc, who, 1_000)).filter((one) => !("error" in one));
    return taken as Exclude<ReturnType<typeof capacity.enter>, { error: unknown }>[];
  };

  test("alone, a caller gets the whole limit, and no more", () => {
    const capacity = createCapacity(10);
    expect(enterAll(capacity, "greedy", 30)).toHaveLength(10);
    capacity.stop();
  });

  test("when another caller comes, it gets its half at once, and the first none until it is below its own", () => {
    const capacity = createCapacity(10);
    const greedy = enterAll(capacity, "greedy", 30);
    const polite = enterAll(capacity, "polite", 30);
    expect(polite).toHaveLength(5);
    for (const one of greedy.slice(0, 5)) capacity.leave(rpc, one);
    expect(enterAll(capacity, "greedy", 30), "5 are left, which is its share").toHaveLength(0);
    for (const one of polite) capacity.leave(rpc, one);
    expect(enterAll(capacity, "greedy", 30), "nobody else is there").toHaveLength(5);
    capacity.stop();
  });

  test("weights divide the limit", () => {
    const capacity = createCapacity(40);
    enterAll(capacity, "greedy", 100);
    expect(enterAll(capacity, "heavy", 100, { weight: 3 })).toHaveLength(30);
    capacity.stop();
  });

  test("there are never twice as many calls as the limit", () => {
    const capacity = createCapacity(10);
    for (let index = 0; index < 50; index += 1) enterAll(capacity, `caller-${index}`, 10);
    expect(capacity.inProgress()).toBe(20);
    capacity.stop();
  });

  test("a weight that changes meanwhile leaves nothing behind", () => {
    const capacity = createCapacity(8);
    const before = enterAll(capacity, "a", 2, { weight: 1 });
    const after = enterAll(capacity, "a", 2, { weight: 50 });
    for (const one of [...before, ...after]) capacity.leave(rpc, one);
    expect(enterAll(capacity, "b", 20)).toHaveLength(8);
    expect(enterAll(capacity, "c", 20)).toHaveLength(4);
    capacity.stop();
  });

  test("writes that wait leave reads their part", () => {
    const capacity = createCapacity(10);
    const writer = caller("both");
    const writes = Array.from({ length: 20 }, () => capacity.enter(write, writer, 1_000)).filter((one) => !("error" in one));
    expect(writes).toHaveLength(10);
    expect(enterAll(capacity, "both", 20), "no more than the limit").toHaveLength(10);
    expect(capacity.inProgress()).toBe(20);
    capacity.stop();
  });

  test("those that a port has let pass count before they begin, until the next turn", () => {
    const capacity = createCapacity(10);
    const [greedy, polite] = [caller("greedy"), caller("polite")];
    for (let index = 0; index < 10; index += 1) capacity.expect(greedy);
    expect(capacity.isWatchful()).toBe(true);
    expect(capacity.lookAhead(rpc, greedy, 1_000)).toBeDefined();
    expect(capacity.lookAhead(rpc, polite, 1_000), "it is below its share").toBeUndefined();
    expect(enterAll(capacity, "greedy", 4), "those begin").toHaveLength(4);
    expect(capacity.lookAhead(rpc, greedy, 1_000)).toBeDefined();
    capacity.beginTurn();
    expect(capacity.lookAhead(rpc, greedy, 1_000), "six never came").toBeUndefined();
    capacity.stop();
  });

  test("a call that would be answered after its deadline is refused only while the server is late", () => {
    const capacity = createCapacity(10);
    expect(capacity.enter(rpc, caller("a"), 0.001)).not.toHaveProperty("error");
    capacity.stop();
  });
});

test.for([
  ["of a caller that has few of the calls, at a limit that has fallen", { own: 3, count: 33, limit: 32 }, 32],
  ["of a caller that has nearly all of them", { own: 30, count: 33, limit: 32 }, 16],
  ["of a caller that has half of them, while its calls take long", { own: 31, count: 62, limit: 32 }, 32],
  ["of the same at the whole limit", { own: 300, count: 333, limit: 512 }, 256],
  ["of a caller beside many", { own: 1, count: 33, limit: 32, weights: 100 }, 1],
] as const)("the share %s", ([, full, share]) => {
  expect(shareOf({ least: 64, weight: 1, weights: 2, ...full })).toBe(share);
});

test("the turn that a call meets is as long as turns are, weighed by their length, without the longest one", async () => {
  // The CPU time at the beginning and the end of each turn.
  const times = [0, 1, 1, 4, 4, 104, 200, 230, 230, 260, 260, 261];
  let told = 0;
  const turns = createTurns(
    () => (told += 1),
    () => times.shift() ?? 0,
  );
  const take = async (count: number) => {
    for (let turn = 0; turn < count; turn += 1) {
      turns.note();
      turns.note();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await take(3);
  expect(turns.met()).toBe((1 + 9) / 4);
  expect(told, "one long turn may be a garbage collection").toBe(0);
  await take(2);
  expect(told).toBe(1);
  await take(1);
  expect(turns.met()).toBeCloseTo((900 + 1) / 31);
  expect(turns.met(), "nothing since").toBe(0);
});

const besideOthers = { hasNeighbours: true, delayMs: 20, utilization: 0.95, peak: 300 } as const;

test.for([
  ["late", { delayMs: 20, utilization: 1, peak: 300 }, 512, 250],
  ["a little late, with one caller", { delayMs: 3, utilization: 1, peak: 300 }, 300, 315],
  ["very late", { delayMs: 40, utilization: 1, peak: 300 }, 512, 150],
  ["very late, with hardly more than the least", { delayMs: 40, utilization: 1, peak: 100 }, 300, 64],
  ["late since others have the CPU, with several callers", { ...besideOthers, turnMs: 1 }, 300, 315],
  ["at work for turns that just do, with several callers", { ...besideOthers, turnMs: 2 }, 300, 300],
  ["at work for turns that are too long, with several callers", { ...besideOthers, turnMs: 4 }, 300, 225],
  ["at work for turns that are far too long, with several callers", { ...besideOthers, turnMs: 20 }, 300, 150],
  ["at work for such turns, near the least for several callers", { ...besideOthers, turnMs: 20, peak: 60 }, 60, 32],
  [
    "at work for turns that the least limit leaves as long, with several callers",
    { ...besideOthers, turnMs: 20, leftMs: 20, peak: 60 },
    32,
    40,
  ],
  ["at work for turns that the least limit leaves shorter, with several callers", { ...besideOthers, turnMs: 20, leftMs: 10 }, 300, 187],
  ["at work for such turns, but not by calls", { ...besideOthers, turnMs: 20, peak: 1 }, 300, 300],
  ["late, with fewer calls than the limit", { delayMs: 20, utilization: 1, peak: 90 }, 512, 75],
  ["late, at the least", { delayMs: 20, utilization: 1, peak: 70 }, 512, 64],
  ["late, but not by calls", { delayMs: 20, utilization: 1, peak: 1, hasNeighbours: true }, 300, 315],
  ["late since others have the CPU", { delayMs: 20, utilization: 0.7, peak: 300 }, 300, 315],
  ["at rest", { delayMs: 1, utilization: 0.5, peak: 40, hasNeighbours: true }, 33, 66],
  ["at rest, at the most", { delayMs: 1, utilization: 0.5, peak: 40 }, 300, 512],
  ["in time", { delayMs: 1, utilization: 1, peak: 100 }, 100, 105],
  ["in time, at the most", { delayMs: 1, utilization: 1, peak: 100 }, 512, 512],
] as const)("the limit of a server that is %s", ([, seen, limit, next]) => {
  expect(nextLimit(limit, { hasNeighbours: false, turnMs: 0, lastAtLeastMs: 0, leftMs: 0, ...seen, bounds: { max: 512, least: 64 } })).toBe(
    next,
  );
});

test.for([
  ["for two windows at the least limit", {}, 32, 30],
  ["for one window at the least limit", { lastAtLeastMs: 0 }, 32, 19.8],
  ["at a greater limit", {}, 300, 19.8],
  ["no more", { turnMs: 14 }, 32, 0],
  ["by few calls", { peak: 8, leftMs: 0 }, 32, 0],
  ["of one caller", { hasNeighbours: false }, 32, 0],
] as const)("that the least limit leaves turns long is known of turns that are long %s", ([, seen, limit, left]) => {
  const bounds = { max: 512, least: 64 };
  expect(turnLeft(limit, { ...besideOthers, turnMs: 40, lastAtLeastMs: 30, leftMs: 20, bounds, ...seen })).toBe(left);
});

test.for([
  ["one garbage collection", [0.1, 80, 0.2, 0], 0.1],
  ["a burst that is answered as it came", [12, 0.3, 0, 0.1], 0.1],
  ["an overload, with one look between two turns", [14, 0.4, 22, 9], 9],
  ["a rested server", [0, 0, 0, 0], 0],
  ["one long pause", [260, 0.2], 0.2],
  ["turns that take long", [180, 240], 180],
] as const)("the delay that stands in a window with %s", ([, looks, delayMs]) => {
  expect(standingDelay(looks)).toBe(delayMs);
});

test("the least limit is not above the one that is set", () => {
  expect(
    nextLimit(5, {
      turnMs: 0,
      lastAtLeastMs: 0,
      leftMs: 0,
      delayMs: 50,
      utilization: 1,
      peak: 5,
      hasNeighbours: false,
      bounds: { max: 5, least: 64 },
    }),
  ).toBe(5);
});

test("calls of one caller that are refused together come again one after the other, and others' do not wait for them", () => {
  let now = 0;
  const refuse = createFullRefusals(() => now);
  const greedy = { returnsAt: 0 };
  const told = (calls: number, account = greedy) => Array.from({ length: calls }, () => refuse(account).error.retryAfterMs);
  const first = told(700);
  expect([first[0], first.at(-1)]).toEqual([100, 790]);
  for (const [milliseconds, alike] of Map.groupBy(first, (time) => time)) expect(alike.length, `${milliseconds} ms`).toBe(10);
  expect(told(1, { returnsAt: 0 })).toEqual([100]);
  now = 500;
  expect(told(1), "behind those that are to come yet").toEqual([300]);
  expect(Math.max(...told(5_000).map(Number)), "also for a caller that does not wait").toBeLessThanOrEqual(1_000);
  now = 5_000;
  expect(told(1)).toEqual([100]);
});

test("a bucket gives its burst at once, and then its rate", () => {
  const bucket = createBucket({ perSecond: 10, burst: 3 }, 0);
  const taken = (from: number, to: number) => {
    let calls = 0;
    for (let now = from; now < to; now += 1) {
      if (bucket.waitMs(now) > 0) continue;
      bucket.take(now);
      calls += 1;
    }
    return calls;
  };
  expect(taken(0, 1) + taken(1, 2) + taken(2, 3) + taken(3, 4)).toBe(3);
  expect(bucket.waitMs(4)).toBeCloseTo(96);
  expect(taken(4, 2_000)).toBe(19);
  expect(bucket.left(100_000)).toBe(3);
});

describe.for(["grpc-js", "Connect JSON", "gRPC-Web", "Connect gRPC"] as const)("through %s", (kind) => {
  test("a greedy caller is refused, and others are answered meanwhile", async () => {
    const { operation, release } = hanging();
    const tokenFile = callersFile({ name: "greedy" }, { name: "polite" });
    await using server = await startServer({ getOption: operation }, { tokenFile, maxConcurrentCalls: 6 });
    const { options } = server.clients[kind];
    const greedy = Array.from({ length: 6 }, () => options.getOption(validRequest, { ...bearing("greedy"), timeoutMs: 20_000 }));
    await expect.poll(() => server.metrics()).toMatch(/userd_calls_in_progress 6/);
    const delays: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      const { error } = await expectRefusal(options.getOption(validRequest, bearing("greedy")), "ResourceExhausted", "OVERLOADED");
      const [retry] = error.findDetails(RetryInfoSchema);
      delays.push(Number(error.metadata.get("grpc-retry-pushback-ms")));
      expect(retry?.retryDelay?.nanos).toBe((delays.at(-1) ?? 0) * 1_000_000);
    }
    for (const milliseconds of delays) expect(milliseconds >= 100 && milliseconds <= 1_000, String(delays)).toBe(true);
    const polite = Array.from({ length: 3 }, () => options.getOption(validRequest, bearing("polite")));
    await expect.poll(() => server.metrics()).toMatch(/userd_calls_in_progress 9/);
    release();
    await Promise.all([...greedy, ...polite]);
    await expect.poll(() => server.metrics()).toContain('userd_refused_calls_total{caller="greedy",reason="OVERLOADED"} 3');
    expect(await server.metrics()).toContain('GetOption",code="RESOURCE_EXHAUSTED"} 3');
    expect(await server.metrics()).toContain('userd_caller_calls_total{caller="polite"} 3');
    const refusals = server.logged().filter(({ msg }) => msg === "calls refused");
    expect(refusals.reduce((sum, { refused }) => sum + Number(refused), 0)).toBe(3);
    expect(server.logged().filter(({ reason }) => reason === "OVERLOADED")).toEqual([]);
  });

  test("a caller beyond its rate is told when to come again, and comes then", async () => {
    const limits = { rates: { "options.read": { per_second: 2, burst: 2 } } };
    await using server = await startServer({}, { tokenFile: callersFile({ name: "limited", limits }, { name: "free" }) });
    const { options } = server.clients[kind];
    const get = () => options.getOption(validRequest, bearing("limited"));
    const fields: (string | null)[] = [];
    const note = (headers: Headers) =>
      void (headers.has("ratelimit") && fields.push(headers.get("ratelimit"), headers.get("ratelimit-policy")));
    await options.getOption(validRequest, { ...bearing("limited"), onHeader: note, onTrailer: note });
    expect(fields).toEqual(['"options.read";r=1;t=0', '"options.read";q=2;w=1']);
    await get();
    for (let refused = 0; refused < 3; refused += 1) {
      const { error, info } = await expectRefusal(get(), "ResourceExhausted", "CALLER_LIMITED");
      expect(info?.metadata).toEqual({ limit: "options.read" });
      expect(error.metadata.get("ratelimit")).toMatch(/^"options.read";r=0;t=1$/);
      const [retry] = error.findDetails(RetryInfoSchema);
      const waitMs = (retry?.retryDelay?.nanos ?? 0) / 1e6;
      expect(waitMs).toBeGreaterThan(0);
      expect(waitMs).toBeLessThanOrEqual(500);
      expect(Number(error.metadata.get("grpc-retry-pushback-ms"))).toBe(waitMs);
      if (refused === 2) await delay(waitMs + 1);
    }
    await get();
    // Another permission, and another caller.
    const value = { kind: { case: "boolValue", value: true } } as const;
    await options.setOption({ ...validRequest, value }, bearing("limited"));
    for (let free = 0; free < 5; free += 1) await options.getOption(validRequest, bearing("free"));
  });

  test("a caller has at most its own number of calls in progress", async () => {
    const { operation, release } = hanging();
    const tokenFile = callersFile({ name: "narrow", limits: { concurrency: 2 } }, { name: "free" });
    await using server = await startServer({ getOption: operation }, { tokenFile });
    const { options } = server.clients[kind];
    const get = (name: string) => options.getOption(validRequest, { ...bearing(name), timeoutMs: 20_000 });
    const taken = [get("narrow"), get("narrow"), get("free"), get("free"), get("free")];
    await expect.poll(() => server.metrics()).toMatch(/userd_calls_in_progress 5/);
    const { info } = await expectRefusal(get("narrow"), "ResourceExhausted", "CALLER_LIMITED");
    expect(info?.metadata).toEqual({ limit: "concurrency" });
    release();
    await Promise.all(taken);
    await get("narrow");
  });
});

test("limits that change in the file hold for a caller that was refused, without a call that is let in", async () => {
  const callers = (perSecond: number, burst: number) => ({
    callers: [
      { name: "limited", token_sha256: sha256("limited"), permissions, limits: { rates: { all: { per_second: perSecond, burst } } } },
    ],
  });
  const tokenFile = writeCallersFile(callers(0.001, 1));
  await using server = await startServer({}, { tokenFile });
  const { options } = server.clients["grpc-js"];
  const get = () => options.getOption(validRequest, bearing("limited"));
  await get();
  await expectRefusal(get(), "ResourceExhausted", "CALLER_LIMITED");
  await expectRefusal(get(), "ResourceExhausted", "CALLER_LIMITED");
  replaceCallersFile(tokenFile, callers(1_000, 1_000));
  server.reload();
  await expect
    .poll(
      () =>
        get().then(
          () => "answered",
          () => "refused",
        ),
      { timeout: 5_000 },
    )
    .toBe("answered");
});

test("a rate of all calls and one of a permission both hold", async () => {
  const limits = { rates: { all: { per_second: 0.01, burst: 3 }, "options.write": { per_second: 0.01, burst: 1 } } };
  await using server = await startServer({}, { tokenFile: callersFile({ name: "limited", limits }) });
  const { options } = server.clients["grpc-js"];
  const value = { kind: { case: "boolValue", value: true } } as const;
  const set = () => options.setOption({ ...validRequest, value }, bearing("limited"));
  await set();
  expect((await expectRefusal(set(), "ResourceExhausted", "CALLER_LIMITED")).info?.metadata).toEqual({ limit: "options.write" });
  await options.getOption(validRequest, bearing("limited"));
  await options.getOption(validRequest, bearing("limited"));
  const { info, error } = await expectRefusal(options.getOption(validRequest, bearing("limited")), "ResourceExhausted", "CALLER_LIMITED");
  expect(info?.metadata).toEqual({ limit: "all" });
  expect(Number(error.findDetails(RetryInfoSchema)[0]?.retryDelay?.seconds)).toBeGreaterThan(90);
});

test("over HTTP/2 a call is refused in its protocol, and a page's with the headers that let it read the answer", async () => {
  const { operation, release } = hanging();
  const browsers = { hosts: [], origins: ["https://console.example.com"] };
  await using server = await startServer({ getOption: operation }, { maxConcurrentCalls: 1, browsers });
  const { options } = server.clients["Connect gRPC"];
  const taken = options.getOption(validRequest, { timeoutMs: 20_000 });
  await expect.poll(() => server.metrics()).toMatch(/userd_calls_in_progress 1/);
  await expectRefusal(options.getOption(validRequest), "ResourceExhausted", "OVERLOADED");
  const session = connect(`http://${server.httpAddress.host}:${server.httpAddress.port}`);
  const ask = (headers: Record<string, string>) =>
    new Promise<{ readonly fields: IncomingHttpHeaders & IncomingHttpStatusHeader; readonly body: string }>((resolve, reject) => {
      const path = "/userd.v1.UserOptionService/GetOption";
      const stream = session.request({ ":method": "POST", ":path": path, te: "trailers", ...headers }).on("error", reject);
      stream.end();
      let body = "";
      stream.setEncoding("utf8").on("data", (chunk) => (body += chunk));
      stream.on("response", (fields) => stream.on("end", () => resolve({ fields, body })));
    });
  const forBrowsers = { "x-content-type-options": "nosniff", "cross-origin-resource-policy": "same-origin", vary: "origin" };
  const origin = "https://console.example.com";
  const cases = [
    [{ "content-type": "application/grpc" }, {}],
    [{ "content-type": "application/grpc+proto" }, {}],
    [{ "content-type": "application/grpc+json" }, {}],
    [{ "content-type": "application/grpc-web+proto" }, forBrowsers],
    [{ "content-type": "application/json" }, forBrowsers],
    [
      { "content-type": "application/json", origin },
      { ...forBrowsers, "cross-origin-resource-policy": "cross-origin" },
    ],
  ] as const;
  for (const [headers, further] of cases) {
    const { fields, body } = await ask(headers);
    const type = headers["content-type"];
    const isGrpc = type.startsWith("application/grpc");
    expect(fields, type).toMatchObject({ ":status": isGrpc ? 200 : 429, "content-type": type, ...further });
    if (isGrpc) expect([fields["grpc-status"], body], type).toEqual(["8", ""]);
    else expect([fields["retry-after"], JSON.parse(body).code], type).toEqual(["1", "resource_exhausted"]);
    if (further !== forBrowsers && isGrpc) expect(fields, type).not.toHaveProperty("x-content-type-options");
    expect(fields["access-control-allow-origin"], type).toBe("origin" in headers ? origin : undefined);
  }
  session.close();
  release();
  await taken;
  await expect.poll(() => server.metrics()).toContain('userd_refused_calls_total{caller="local",reason="OVERLOADED"} 7');
});

test.concurrent("a refused call whose request never ends loses its stream, though it goes on to send", { timeout: 15_000 }, async ({
  expect,
}) => {
  const { operation, release } = hanging();
  await using server = await startServer({ getOption: operation }, { maxConcurrentCalls: 1 });
  const { options } = server.clients["grpc-js"];
  const taken = options.getOption(validRequest, { timeoutMs: 20_000 });
  await expect.poll(() => server.metrics()).toMatch(/userd_calls_in_progress 1/);
  await expectRefusal(options.getOption(validRequest), "ResourceExhausted", "OVERLOADED");
  const session = connect(`http://${server.grpcAddress.host}:${server.grpcAddress.port}`);
  const path = "/userd.v1.UserOptionService/GetOption";
  const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" });
  const status = new Promise((resolve) => stream.on("response", (headers) => resolve(headers["grpc-status"])));
  stream.on("error", () => {}).resume();
  const drip = setInterval(() => stream.write("x"), 1_000);
  const closed = new Promise((resolve) => stream.on("close", resolve));
  expect(await status).toBe("8");
  await closed;
  clearInterval(drip);
  session.close();
  release();
  await taken;
});

test.concurrent("whatever way a call ends, it gives its place back", { timeout: 60_000 }, async ({ expect }) => {
  const ways = ["answer", "answer later", "throw", "reject", "cancel", "reset", "deadline", "malformed", "hang"] as const;
  await using server = await startServer(
    {
      getOption: ({ signal }, { key }) => {
        switch (key) {
          case "later":
            return delay(2).then(() => ({}));
          case "throw":
            throw new TypeError("broken");
          case "reject":
            return delay(1).then(() => Promise.reject(notFound("USER_NOT_FOUND", "None.")));
          case "hang":
            return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
          default:
            return {};
        }
      },
    },
    { maxConcurrentCalls: 20, tokenFile: callersFile({ name: "a" }, { name: "b", weight: 3 }, { name: "c", limits: { concurrency: 4 } }) },
  );
  const path = "/userd.v1.UserOptionService/GetOption";
  const bytes = (key: string) => framed(toBinary(GetOptionRequestSchema, create(GetOptionRequestSchema, { userId: 7n, key })));
  const address = `http://${server.grpcAddress.host}:${server.grpcAddress.port}`;
  const raw = (name: string, body: Uint8Array, end: (stream: ReturnType<ReturnType<typeof connect>["request"]>) => void) =>
    new Promise<void>((resolve) => {
      const session = connect(address).on("error", () => {});
      const headers = { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers", ...bearing(name).headers };
      const stream = session.request(headers).on("error", () => {});
      stream.resume().on("close", () => {
        session.destroy();
        resolve();
      });
      stream.write(body);
      end(stream);
    });
  const endings: Record<(typeof ways)[number], (name: string, kind: "grpc-js" | "Connect JSON") => Promise<unknown>> = {
    answer: (name, kind) => server.clients[kind].options.getOption(validRequest, bearing(name)),
    "answer later": (name, kind) => server.clients[kind].options.getOption({ ...validRequest, key: "later" }, bearing(name)),
    throw: (name, kind) => server.clients[kind].options.getOption({ ...validRequest, key: "throw" }, bearing(name)),
    reject: (name, kind) => server.clients[kind].options.getOption({ ...validRequest, key: "reject" }, bearing(name)),
    cancel: (name, kind) => {
      const client = new AbortController();
      setTimeout(() => client.abort(), 2);
      return server.clients[kind].options.getOption({ ...validRequest, key: "hang" }, { ...bearing(name), signal: client.signal });
    },
    reset: (name) => raw(name, bytes("hang"), (stream) => setTimeout(() => stream.close(8), 2)),
    deadline: (name, kind) => server.clients[kind].options.getOption({ ...validRequest, key: "hang" }, { ...bearing(name), timeoutMs: 5 }),
    malformed: (name) => raw(name, framed(Buffer.from([255, 255])), (stream) => stream.end()),
    hang: (name) => raw(name, bytes("hang").subarray(0, 4), (stream) => setTimeout(() => stream.session?.destroy(), 3)),
  };
  const step = fc.record({
    way: fc.constantFrom(...ways),
    name: fc.constantFrom("a", "b", "c"),
    kind: fc.constantFrom("grpc-js", "Connect JSON"),
    pauseMs: fc.constantFrom(0, 0, 0, 1),
  });
  const run = async (steps: readonly { way: (typeof ways)[number]; name: string; kind: string; pauseMs: number }[]) => {
    const ended = steps.map(async ({ way, name, kind, pauseMs }, index) => {
      await delay(pauseMs * index);
      await endings[way](name, kind as "grpc-js").catch((error: unknown) => expect(error).toBeInstanceOf(ConnectError));
    });
    await Promise.all(ended);
    await expect.poll(() => server.metrics()).toMatch(/userd_calls_in_progress 0/);
  };
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), run), { numRuns: 30, endOnFailure: true });
  // The whole limit is there, for each of them: soon after their load ended, which had lowered it.
  for (const name of ["a", "b", "c"]) {
    const width = name === "c" ? 4 : 20;
    const together = async () => {
      const ended = await Promise.allSettled(Array.from({ length: width }, () => endings["answer later"](name, "grpc-js")));
      return ended.filter(({ status }) => status === "fulfilled").length;
    };
    await expect.poll(together, { timeout: 10_000 }).toBe(width);
  }
});
