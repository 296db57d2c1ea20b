import { once } from "node:events";
import http2 from "node:http2";
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { test as base, describe, expect } from "vitest";
import { GetOptionRequestSchema } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { exchangeHttp2, framed, type Sent } from "./raw-http2.ts";
import { type FakeOperations, startServer, validRequest } from "./server.ts";

const path = "/userd.v1.UserOptionService/GetOption";
const whole = framed(toBinary(GetOptionRequestSchema, create(GetOptionRequestSchema, validRequest)));
const headers = { ":path": path, "content-type": "application/grpc", te: "trailers" };
const endless = { ...headers, ":method": "POST", ":path": "/userd.v1.UserOptionService/ListOptions" };

/** The signals of the calls that never end, by their request ids. */
const waiting = new Map<string, AbortSignal>();
const operations: FakeOperations = {
  listOptions: ({ requestId, signal }) => {
    waiting.set(requestId, signal);
    return new Promise<object>(() => {});
  },
};

/** The same service on Node's HTTP/2 and on grpc-js. */
const test = base
  .extend("direct", { scope: "file" }, async ({}, { onCleanup }) => {
    const server = await startServer(operations, { grpcTransport: "http2" });
    onCleanup(() => server[Symbol.asyncDispose]());
    return server;
  })
  .extend("port", { scope: "file" }, async ({}, { onCleanup }) => {
    const server = await startServer(operations, { grpcTransport: "grpc-js" });
    onCleanup(() => server[Symbol.asyncDispose]());
    return server;
  });

const urlOf = (server: Awaited<ReturnType<typeof startServer>>) => `http://${formatAddress(server.grpcAddress)}`;

/** Requests of any kind, with the status that answers each. */
const requests: readonly (readonly [string, Sent, number | undefined])[] = [
  ["a message", { headers, chunks: [whole] }, 0],
  ["a message in pieces", { headers, chunks: Array.from(whole, (byte) => Uint8Array.of(byte)) }, 0],
  ["a message with metadata", { headers: { ...headers, "x-more": "a", "x-more-bin": "AAEC", "x-request-id": "7" }, chunks: [whole] }, 0],
  ["a message with a deadline", { headers: { ...headers, "grpc-timeout": "10S" }, chunks: [whole] }, 0],
  ["a deadline of another kind", { headers: { ...headers, "grpc-timeout": "soon" }, chunks: [whole] }, 13],
  ["the format that is the only one", { headers: { ...headers, "content-type": "application/grpc+proto" }, chunks: [whole] }, 0],
  ["another format", { headers: { ...headers, "content-type": "application/grpc+json" }, chunks: [whole] }, 0],
  ["another content type", { headers: { ...headers, "content-type": "text/plain" }, chunks: [whole] }, undefined],
  ["no compression, by name", { headers: { ...headers, "grpc-encoding": "identity" }, chunks: [whole] }, 0],
  ["gzip", { headers: { ...headers, "grpc-encoding": "gzip" }, chunks: [framed(gzipSync(whole.subarray(5)), 1)] }, 0],
  ["an unknown compression", { headers: { ...headers, "grpc-encoding": "br" }, chunks: [framed(Buffer.from("br"), 1)] }, 12],
  ["a compression that is not named", { headers, chunks: [framed(gzipSync(whole.subarray(5)), 1)] }, 3],
  ["no message", { headers }, 12],
  ["no message, by a frame that has nothing but the end", { headers, chunks: [Buffer.alloc(0)] }, 12],
  ["half a message", { headers, chunks: [whole.subarray(0, 7)] }, 12],
  ["half an envelope", { headers, chunks: [whole.subarray(0, 3)] }, 12],
  ["two messages", { headers, chunks: [Buffer.concat([whole, whole])] }, 12],
  ["a malformed message", { headers, chunks: [framed(Buffer.from("nonsense"))] }, 3],
  ["a message that breaks a rule", { headers, chunks: [framed(Buffer.alloc(0))] }, 3],
  ["a message that is too large", { headers, chunks: [framed(Buffer.alloc(1_100_000))] }, 8],
  ["an acting user that is none", { headers: { ...headers, "x-acting-user-id": "ann" }, chunks: [whole] }, 3],
  ["two acting users", { headers: { ...headers, "x-acting-user-id": ["7", "8"] }, chunks: [whole] }, 3],
  ["an unknown method", { headers: { ...headers, ":path": `${path}s` }, chunks: [whole] }, 12],
];

describe.concurrent("plain unary calls on Node's HTTP/2", { timeout: 30_000 }, () => {
  test.for(requests)("are answered as grpc-js answers them: %s", async ([, sent, code], { direct, port }) => {
    const [ours, theirs] = await Promise.all([direct, port].map((server) => exchangeHttp2(urlOf(server), sent)));
    const answerOf = ({ headers, trailers, body, headersAlone, error, code }: typeof ours = expect.fail()) => {
      // Only grpc-js has a date, a message that says OK, and names what is not compressed; both explain in words of their own what is no request.
      const { "grpc-encoding": encoding = "identity", ...rest } = { ...headers, ...trailers };
      const { date: _, "grpc-accept-encoding": __, "grpc-message": message, "grpc-status-details-bin": details, ...shown } = rest;
      const has = { message: message !== undefined && message !== "OK", details: details !== undefined };
      return { shown, encoding, has, body: body.toString("hex"), headersAlone, error, code };
    };
    expect(answerOf(ours)).toEqual(answerOf(theirs));
    expect({ ...ours?.headers, ...ours?.trailers }["grpc-status"]).toBe(code === undefined ? undefined : String(code));
  });

  test("do not pass grpc-js, whose answers have a date", async ({ direct, port }) => {
    const sent = { headers, chunks: [whole] };
    expect((await exchangeHttp2(urlOf(direct), sent)).headers).not.toHaveProperty("date");
    expect((await exchangeHttp2(urlOf(port), sent)).headers).toHaveProperty("date");
  });

  test.for([
    ["the deadline of the client", { "grpc-timeout": "200m" }],
    ["the default deadline", {}],
  ] as const)("end at %s when the request does not arrive", async ([, more], { direct }) => {
    const session = http2.connect(urlOf(direct));
    const stream = session.request({ ":method": "POST", ...headers, ...more });
    stream.write(whole.subarray(0, 6));
    const [answer] = await once(stream, "response");
    session.destroy();
    expect(answer["grpc-status"]).toBe(String(status.DEADLINE_EXCEEDED));
  });

  test("abort what they wait for when their client goes, whether by a reset or with the connection", async ({ direct }) => {
    const ways = {
      reset: (stream: http2.ClientHttp2Stream) => stream.close(http2.constants.NGHTTP2_CANCEL),
      connection: (stream: http2.ClientHttp2Stream) => stream.session?.destroy(),
    };
    for (const [id, leave] of Object.entries(ways)) {
      const session = http2.connect(urlOf(direct)).on("error", () => {});
      const stream = session.request({ ...endless, "x-request-id": id, "grpc-timeout": "60S" }).on("error", () => {});
      stream.end(framed(Buffer.of(8, 7)));
      await expect.poll(() => waiting.get(id)?.aborted, { timeout: 20_000 }).toBe(false);
      leave(stream);
      await expect.poll(() => waiting.get(id)?.aborted, { timeout: 20_000 }).toBe(true);
      session.destroy();
    }
  });

  test("are answered with the deadline that has passed while they waited", async ({ direct }) => {
    const heard = await exchangeHttp2(urlOf(direct), {
      headers: { ...endless, "grpc-timeout": "100m" },
      chunks: [framed(Buffer.of(8, 7))],
    });
    expect(heard).toMatchObject({ headersAlone: true, headers: { "grpc-status": String(status.DEADLINE_EXCEEDED) }, code: 0 });
    expect(heard.headers).toHaveProperty("grpc-status-details-bin");
  });

  test("lose their stream when their client does not take the answer, or sends on behind it", async ({ direct }) => {
    const session = http2.connect(urlOf(direct), { settings: { initialWindowSize: 0 } });
    const unread = session.request({ ":method": "POST", ...headers }).on("error", () => {});
    unread.resume().end(whole);
    const sendingOn = session.request({ ":method": "POST", ...headers, "x-acting-user-id": "ann" }).on("error", () => {});
    sendingOn.resume().write(whole);
    await Promise.all([once(unread, "close"), once(sendingOn, "close")]);
    expect([unread.rstCode, sendingOn.rstCode]).toEqual([http2.constants.NGHTTP2_CANCEL, http2.constants.NGHTTP2_NO_ERROR]);
    expect(session.destroyed).toBe(false);
    session.destroy();
  });

  test("give back the room of their bytes, however they end", async () => {
    await using server = await startServer({}, { grpcTransport: "http2", requestBytes: 4_000 });
    for (let time = 0; time < 20; time += 1) {
      for (const chunks of [[whole], [whole, whole], [framed(Buffer.alloc(3_000, 255))], [framed(Buffer.alloc(5_000))]]) {
        const { headers: answer, trailers } = await exchangeHttp2(urlOf(server), { headers, chunks });
        expect(answer["grpc-status"] ?? trailers["grpc-status"]).toBeDefined();
      }
      const session = http2.connect(urlOf(server)).on("error", () => {});
      const stream = session.request({ ":method": "POST", ...headers }).on("error", () => {});
      stream.write(framed(Buffer.alloc(2_000)).subarray(0, 1_500));
      await new Promise((resolve) => session.ping(resolve));
      stream.close(http2.constants.NGHTTP2_CANCEL);
      await once(stream, "close");
      session.destroy();
    }
    expect(await server.clients["grpc-js"].options.getOption(validRequest)).toMatchObject({ found: true });
  });
});
