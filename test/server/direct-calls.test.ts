import { once } from "node:events";
import http2 from "node:http2";
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { GetOptionRequestSchema } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { exchangeHttp2, framed, type Sent } from "./raw-http2.ts";
import { type FakeOperations, startServer, validRequest } from "./server.ts";

const path = "/userd.v1.UserOptionService/GetOption";
const whole = framed(toBinary(GetOptionRequestSchema, create(GetOptionRequestSchema, validRequest)));
const headers = { ":path": path, "content-type": "application/grpc", te: "trailers" };

/** The same service on both transports. */
const startBoth = async (operations?: FakeOperations) => {
  await using stack = new AsyncDisposableStack();
  const direct = stack.use(await startServer(operations, { grpcTransport: "http2" }));
  const port = stack.use(await startServer(operations, { grpcTransport: "grpc-js" }));
  const running = stack.move();
  return { direct, port, [Symbol.asyncDispose]: () => running.disposeAsync() };
};

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

describe("plain unary calls on Node's HTTP/2", () => {
  test.for(requests)("are answered as grpc-js answers them: %s", async ([, sent, code]) => {
    await using both = await startBoth();
    const [ours, theirs] = await Promise.all([both.direct, both.port].map((server) => exchangeHttp2(urlOf(server), sent)));
    const answerOf = ({ headers, trailers, body, headersAlone, error, code }: typeof ours = expect.fail()) => {
      // Only grpc-js has a date, and a message that says OK; both explain in words of their own what is no request.
      const { date: _, "grpc-message": message, "grpc-status-details-bin": details, ...shown } = { ...headers, ...trailers };
      const has = { message: message !== undefined && message !== "OK", details: details !== undefined };
      return { shown, has, body: body.toString("hex"), headersAlone, error, code };
    };
    expect(answerOf(ours)).toEqual(answerOf(theirs));
    expect({ ...ours?.headers, ...ours?.trailers }["grpc-status"]).toBe(code === undefined ? undefined : String(code));
  });

  test("do not pass grpc-js, whose answers have a date", async () => {
    await using both = await startBoth();
    const sent = { headers, chunks: [whole] };
    expect((await exchangeHttp2(urlOf(both.direct), sent)).headers).not.toHaveProperty("date");
    expect((await exchangeHttp2(urlOf(both.port), sent)).headers).toHaveProperty("date");
  });

  test.for([
    ["the deadline of the client", { "grpc-timeout": "200m" }],
    ["the default deadline", {}],
  ] as const)("end at %s when the request does not arrive", async ([, more]) => {
    await using server = await startServer({}, { grpcTransport: "http2" });
    const session = http2.connect(urlOf(server));
    const stream = session.request({ ":method": "POST", ...headers, ...more });
    stream.write(whole.subarray(0, 6));
    const [answer] = await once(stream, "response");
    session.destroy();
    expect(answer["grpc-status"]).toBe(String(status.DEADLINE_EXCEEDED));
  });

  test("abort what they wait for when their client goes, whether by a reset or with the connection", async () => {
    const waiting: AbortSignal[] = [];
    const getOption = (call: { readonly signal: AbortSignal }) => {
      waiting.push(call.signal);
      return new Promise<object>(() => {});
    };
    await using server = await startServer({ getOption }, { grpcTransport: "http2" });
    for (const leave of [
      (stream: http2.ClientHttp2Stream) => stream.close(http2.constants.NGHTTP2_CANCEL),
      (stream: http2.ClientHttp2Stream) => stream.session?.destroy(),
    ]) {
      const before = waiting.length;
      const session = http2.connect(urlOf(server)).on("error", () => {});
      const stream = session.request({ ":method": "POST", ...headers, "grpc-timeout": "60S" }).on("error", () => {});
      stream.end(whole);
      const signal = await expect
        .poll(() => waiting[before], { timeout: 20_000 })
        .toBeDefined()
        .then(() => waiting[before]);
      leave(stream);
      await expect.poll(() => signal?.aborted, { timeout: 20_000 }).toBe(true);
      session.destroy();
    }
  });

  test("are answered with the deadline that has passed while they waited", async () => {
    await using server = await startServer({ getOption: () => new Promise<object>(() => {}) }, { grpcTransport: "http2" });
    const heard = await exchangeHttp2(urlOf(server), { headers: { ...headers, "grpc-timeout": "100m" }, chunks: [whole] });
    expect(heard).toMatchObject({ headersAlone: true, headers: { "grpc-status": String(status.DEADLINE_EXCEEDED) }, code: 0 });
    expect(heard.headers).toHaveProperty("grpc-status-details-bin");
  });

  test("give back the room of their bytes, however they end", async () => {
    const operations = { listOptions: () => new Promise<object>(() => {}) };
    await using server = await startServer(operations, { grpcTransport: "http2", requestBytes: 4_000 });
    for (let time = 0; time < 50; time += 1) {
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
