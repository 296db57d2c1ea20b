import { create } from "@bufbuild/protobuf";
import { expect, onTestFinished, test, vi } from "vitest";
import { createProtocol } from "../../clients/typescript/src/near-cache/protocol.ts";
import { createReader } from "../../clients/typescript/src/near-cache/reader.ts";
import { type Feed, type FeedMessage, watchFeed } from "../../clients/typescript/src/near-cache/watch.ts";
import { GetOptionResponseSchema } from "../../src/gen/userd/v1/user_option_service_pb.ts";

const clock = () => performance.now();
const OFFSET = 5e9;

const createCache = () =>
  createProtocol({
    boundMs: 2_000,
    serverBoundMs: 2_000,
    longestCallMs: 4_000,
    maxBytes: 1e6,
    aggregateKinds: new Set(["user"]),
    clock,
  });

/** A feed that the test sends messages to; a stream ends with `cut`. */
const createTestFeed = () => {
  const streams: { position: string | undefined; send: (message: FeedMessage) => void; cut: (error: Error) => void }[] = [];
  const feed: Feed = {
    databaseTime: async () => ({ time: clock() + OFFSET, epoch: "e" }),
    isPositionLost: (error) => (error as Error).message === "lost",
    watch: async function* (position, signal) {
      const messages: FeedMessage[] = [];
      let next = Promise.withResolvers<void>();
      let failure: Error | undefined;
      const wake = () => next.resolve();
      signal.addEventListener("abort", wake);
      streams.push({
        position,
        send: (message) => {
          messages.push(message);
          wake();
        },
        cut: (error) => {
          failure = error;
          wake();
        },
      });
      for (;;) {
        await next.promise;
        next = Promise.withResolvers();
        yield* messages.splice(0);
        if (failure !== undefined) throw failure;
        signal.throwIfAborted();
      }
    },
  };
  return { feed, streams };
};

const bookmark = (position: string): FeedMessage => ({
  changes: [],
  bookmark: { position, time: clock() + OFFSET - 1, epoch: "e", configuration: "c" },
});

const certificate = (version: bigint) => ({
  aggregates: [{ aggregate: "user/1", version }],
  time: clock() + OFFSET,
  validUntil: Number.POSITIVE_INFINITY,
  epoch: "e",
  configuration: "c",
});

const watch = (silenceMs = 5_000) => {
  const protocol = createCache();
  const { feed, streams } = createTestFeed();
  const ending = new AbortController();
  const errors: unknown[] = [];
  const onError = (error: unknown) => errors.push(error);
  const done = watchFeed({ feed, protocol, clock, silenceMs, signal: ending.signal, onMessage: () => {}, onError });
  onTestFinished(async () => {
    ending.abort();
    await done;
  });
  return { protocol, streams, errors };
};

test("a stream that breaks is resumed behind its last bookmark, and begins anew when that is lost", async () => {
  const { protocol, streams, errors } = watch();
  await vi.waitFor(() => expect(streams).toHaveLength(1));
  expect(streams[0]?.position).toBeUndefined();
  streams[0]?.send(bookmark("p1"));
  await vi.waitFor(() => expect(protocol.position()).toBe("p1"));
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(protocol.offer(protocol.began(), "k", "v", 1, certificate(1n))).toBe("kept");
  streams[0]?.cut(new Error("broken"));
  await vi.waitFor(() => expect(streams).toHaveLength(2));
  expect(streams[1]?.position).toBe("p1");
  streams[1]?.send(bookmark("p2"));
  await vi.waitFor(() => expect(protocol.stats().resumes).toBe(1));
  expect(protocol.get("k")).toBe("v");
  streams[1]?.cut(new Error("lost"));
  await vi.waitFor(() => expect(streams).toHaveLength(3));
  expect(streams[2]?.position).toBeUndefined();
  expect(protocol.get("k")).toBeUndefined();
  expect(errors.map((error) => (error as Error).message)).toEqual(["broken", "lost"]);
});

test("a stream that is silent is taken for dead", async () => {
  const { streams, errors } = watch(50);
  await vi.waitFor(() => expect(streams.length).toBeGreaterThanOrEqual(2));
  expect(String(errors[0])).toContain("silent for 50 ms");
});

const answer = (key: string) => create(GetOptionResponseSchema, { option: { key } });

test("reads of one key share a call, unless an own write came between", async () => {
  const reader = createReader(createCache(), clock);
  let asked = 0;
  const gate = Promise.withResolvers<void>();
  const ask = async () => {
    asked += 1;
    await gate.promise;
    return { answer: answer(`a${asked}`), certificate: certificate(1n) };
  };
  const first = reader.fetch("k", GetOptionResponseSchema, ask);
  reader.detach();
  const second = reader.fetch("k", GetOptionResponseSchema, ask);
  expect(asked).toBe(2);
  gate.resolve();
  await Promise.all([first, second]);
});

test("an answer that the feed outdated on its way is asked for again, the latest state this time", async () => {
  const protocol = createCache();
  protocol.restarted();
  protocol.calibrated(clock(), clock(), clock() + OFFSET, "e");
  protocol.bookmarked({ position: "p", time: clock() + OFFSET - 1, epoch: "e", configuration: "c" });
  const reader = createReader(protocol, clock);
  const asked: boolean[] = [];
  const got = await reader.fetch("k", GetOptionResponseSchema, async (isStrong) => {
    asked.push(isStrong);
    protocol.changed([{ aggregate: "user/1", version: 2n }]);
    return { answer: answer(String(isStrong)), certificate: certificate(isStrong ? 2n : 1n) };
  });
  expect(asked).toEqual([false, true]);
  expect(got.option?.key).toBe("true");
  expect(() => {
    got.found = true;
  }).toThrow("read only");
});
