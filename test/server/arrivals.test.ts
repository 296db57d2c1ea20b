import { EventEmitter } from "node:events";
import type { Http2Server } from "node:http2";
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { costs, orderArrivals } from "../../src/server/capacity/arrivals.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { flag, frame, frameType, headerBlock, opening, openSocket } from "../hostile/frames.ts";
import { exchangeHttp2 } from "./raw-http2.ts";
import { startServer, validRequest } from "./server.ts";

/** A server that only has streams, with the sessions that they came over in the order in which they were handled. */
const createServer = (cost: number, isVouched = true) => {
  const handled: string[] = [];
  const server = new EventEmitter().on("stream", ({ from }) => handled.push(from));
  orderArrivals(server as unknown as Http2Server, {
    connections: { isVouched: () => isVouched, punish: () => {} },
    beginTurn: () => {},
    handle: (arrival, serve) => {
      serve(arrival);
      return cost;
    },
  });
  const open = (name: string) => {
    const session = Object.assign(new EventEmitter(), { socket: { bytesRead: 0 } });
    server.emit("session", session);
    return (count: number) => {
      const streams = Array.from({ length: count }, () =>
        Object.assign(new EventEmitter(), { from: name, closed: false, destroyed: false }),
      );
      for (const stream of streams) session.emit("stream", stream, {}, 0, []);
      return streams;
    };
  };
  return { handled, open };
};

describe("streams that arrive together", () => {
  test("are handled at once when their callers are known, however many they are", () => {
    const { handled, open } = createServer(costs.begun);
    open("a")(300);
    expect(handled).toHaveLength(300);
  });

  test("wait for further turns when strangers send many, in which each connection has one after the other", async () => {
    // Time stands still: on a busy machine some would wait for longer than they may.
    vi.useFakeTimers({ toFake: ["performance"] });
    onTestFinished(() => void vi.useRealTimers());
    const { handled, open } = createServer(costs.begun, false);
    open("greedy")(300);
    open("other greedy")(300);
    open("polite")(1);
    await turn();
    expect(handled).toHaveLength(32);
    expect(handled.slice(0, 4)).toEqual(["greedy", "other greedy", "polite", "greedy"]);
    while (handled.length < 601) await turn();
    await turn();
    expect(handled).toHaveLength(601);
  });

  test("wait for the next turn when nobody vouches for their connection", async () => {
    const { handled, open } = createServer(costs.quick, false);
    const streams = open("stranger")(3);
    expect(handled).toEqual([]);
    Object.assign(streams[1] ?? {}, { closed: true });
    await turn();
    expect(handled).toHaveLength(2);
  });

  test("are not handled when their client has given up meanwhile", async () => {
    const { handled, open } = createServer(costs.begun, false);
    const streams = open("stranger")(64);
    for (const stream of streams.slice(32, 60)) stream.closed = true;
    while (handled.length < 36) await turn();
    await turn();
    expect(handled).toHaveLength(36);
  });
});

test.for(["application/proto", "application/grpc", "application/grpc-web"])(
  "the first request of a connection is answered though it is empty, and has ended before its turn, in %s",
  async (type) => {
    await using server = await startServer();
    const { headers } = await exchangeHttp2(`http://${formatAddress(server.httpAddress)}`, {
      headers: { ":path": "/userd.v1.UserOptionService/GetOption", "content-type": type },
      chunks: [Buffer.alloc(0)],
    });
    // Connect has an empty message then, which breaks rules, and gRPC none.
    expect(headers[":status"]).toBe(type === "application/proto" ? 400 : 200);
  },
);

test.for(["grpc", "http"] as const)(
  "a connection to the %s port that resets its streams at once is ended, and others are not",
  async (port) => {
    await using server = await startServer();
    const address = port === "grpc" ? server.grpcAddress : server.httpAddress;
    const { options } = server.clients[port === "grpc" ? "grpc-js" : "Connect gRPC"];
    await options.getOption(validRequest);
    const socket = await openSocket(address);
    const block = headerBlock("/userd.v1.UserOptionService/GetOption", { ":authority": formatAddress(address) });
    const streams = Array.from({ length: 150 }, (_, index) => {
      const id = 2 * index + 1;
      const reset = frame(frameType.reset, 0, id, Buffer.from([0, 0, 0, 8]));
      return Buffer.concat([frame(frameType.headers, flag.endHeaders | flag.endStream, id, block), reset]);
    });
    await socket.write(Buffer.concat([opening, ...streams]));
    await expect.poll(() => socket.isOpen(), { timeout: 5_000 }).toBe(false);
    await options.getOption(validRequest);
  },
);
