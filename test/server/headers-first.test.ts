import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { GetOptionRequestSchema } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { exchangeHttp2, framed } from "./raw-http2.ts";
import { startRefusing } from "./refusing.ts";
import { post, refusalOf, startServer, validRequest } from "./server.ts";

const path = "/userd.v1.UserOptionService/GetOption";

const large = Buffer.alloc(5_000);

/** The status that answers headers and half a message, on a stream that goes on. */
const answerToHalf = async (url: string, headers: Record<string, string>): Promise<number> => {
  const session = connectHttp2(url);
  const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers", ...headers });
  stream.write(framed(Buffer.alloc(100)).subarray(0, 50));
  const [answer] = await once(stream, "response");
  session.destroy();
  return Number(answer["grpc-status"]);
};

describe("a call is refused by its headers, before its message has come", () => {
  test.for([
    ["nobody", {}, status.UNAUTHENTICATED],
    ["a caller without the permission", { authorization: "Bearer canary-none" }, status.PERMISSION_DENIED],
  ] as const)("of %s", async ([, headers, code]) => {
    await using server = await startRefusing();
    expect(await answerToHalf(`http://${formatAddress(server.grpcAddress)}`, headers)).toBe(code);
    expect(await answerToHalf(server.url(""), headers)).toBe(code);
  });

  test("of nobody over HTTP/1.1", async () => {
    await using server = await startRefusing();
    const socket = connect(server.httpAddress.port, server.httpAddress.host);
    socket.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{`);
    const [answer] = await once(socket, "data");
    socket.destroy();
    expect(String(answer)).toMatch(/^HTTP\/1\.1 401 /);
  });

  test("and loses its stream when it goes on sending behind the answer", { timeout: 20_000 }, async () => {
    await using server = await startRefusing();
    const headers = { ":path": path, "content-type": "application/grpc", te: "trailers", "grpc-timeout": "60S" };
    const refused = await exchangeHttp2(`http://${formatAddress(server.grpcAddress)}`, { headers, chunks: [framed(large)], end: false });
    expect(refused).toMatchObject({ headersAlone: true, headers: { "grpc-status": "16" }, code: 0 });
  });

  test("and counts and logs as any other", async () => {
    await using server = await startRefusing();
    await answerToHalf(`http://${formatAddress(server.grpcAddress)}`, {});
    expect(await server.metrics()).toContain('userd_calls_total{method="userd.v1.UserOptionService/GetOption",code="UNAUTHENTICATED"} 1');
    expect(server.logged()).toContainEqual(expect.objectContaining({ msg: "call failed", reason: "CREDENTIALS_REQUIRED" }));
  });
});

describe("the bytes of requests", () => {
  const request = toBinary(GetOptionRequestSchema, create(GetOptionRequestSchema, validRequest));
  test("are counted on both ports, refused where there is no room, and their room is given back", async () => {
    await using server = await startServer({}, { requestBytes: 4_000 });
    const url = `http://${formatAddress(server.grpcAddress)}`;
    const headers = { ":path": path, "content-type": "application/grpc", te: "trailers" };
    for (let time = 0; time < 3; time += 1) {
      const refused = await exchangeHttp2(url, { headers, chunks: [framed(large)] });
      expect(refused.headers["grpc-status"]).toBe(String(status.RESOURCE_EXHAUSTED));
      expect(await refusalOf(await post(server, "GetOption", large))).toMatchObject({ status: 429, reason: "OVERLOADED" });
    }
    for (const kind of ["grpc-js", "Connect JSON"] as const) {
      for (let time = 0; time < 300; time += 1) await server.clients[kind].options.getOption(validRequest);
    }
  });

  test("are limited while they are inflated, by the limit of their RPC", async () => {
    await using server = await startServer();
    const bomb = gzipSync(Buffer.alloc(2 * 1024 * 1024));
    const url = `http://${formatAddress(server.grpcAddress)}`;
    const headers = { ":path": path, "content-type": "application/grpc", te: "trailers", "grpc-encoding": "gzip" };
    const refused = await exchangeHttp2(url, { headers, chunks: [framed(bomb, 1)] });
    expect(refused.headers["grpc-status"]).toBe(String(status.RESOURCE_EXHAUSTED));
    expect(await refusalOf(await post(server, "GetOption", bomb, { "content-encoding": "gzip" }))).toMatchObject({
      reason: "REQUEST_TOO_LARGE",
    });
    const fine = await exchangeHttp2(url, { headers, chunks: [framed(gzipSync(request), 1)] });
    expect(fine.trailers["grpc-status"]).toBe("0");
  });
});
