import { once } from "node:events";
import http2 from "node:http2";
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { describe, expect, test } from "vitest";
import { UserOptionService } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { answerTo, exchange, post, refusalOf, startServer, validRequest } from "./server.ts";
import { nestedRequest } from "./wire.ts";

const valid = '{"userId":"7","key":"timezone"}';
const malformed = { status: 400, code: "invalid_argument", reason: "FIELD_INVALID" };

describe("the HTTP port", () => {
  test.for([
    ["Connect over HTTP/2", (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: "2" })],
    [
      "Connect in binary over HTTP/1.1",
      (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: true }),
    ],
    ["Connect by GET", (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: "1.1", useHttpGet: true })],
    ["gRPC-Web over HTTP/2", (baseUrl: string) => createGrpcWebTransport({ baseUrl, httpVersion: "2" })],
    ["gRPC over HTTP/2", (baseUrl: string) => createGrpcTransport({ baseUrl })],
  ] as const)("answers %s", async ([, transport]) => {
    await using server = await startServer();
    const client = createClient(UserOptionService, transport(server.url("")));
    expect(await client.getOption(validRequest)).toMatchObject({ found: true });
  });

  test.for([
    ["half a JSON object", '{"userId":'],
    ["a word where a number belongs", '{"userId":"secret-word"}'],
    ["lists nested 10,000 deep", `{"userId":7,"key":"a","value":${"[".repeat(10_000)}${"]".repeat(10_000)}}`],
    ["nothing but brackets", "[".repeat(500_000)],
    ["bytes that are no UTF-8", Uint8Array.from([0xff, 0xfe, 0x00])],
  ] as const)("refuses %s as malformed, without repeating it", async ([, body]) => {
    await using server = await startServer();
    const response = await post(server, "SetOption", body as string);
    const copy = response.clone();
    expect(await refusalOf(response)).toEqual(malformed);
    expect(await copy.text()).not.toContain("secret-word");
  });

  test("refuses malformed protobuf as malformed", async () => {
    await using server = await startServer();
    for (const bytes of [Buffer.from("nonsense"), nestedRequest(10_000)]) {
      const response = await post(server, "SetOption", new Uint8Array(bytes), { "content-type": "application/proto" });
      expect(await refusalOf(response)).toEqual(malformed);
    }
  });

  test("refuses malformed protobuf of gRPC-Web as malformed", async () => {
    await using server = await startServer();
    const response = await post(server, "GetOption", Uint8Array.from([0, 0, 0, 0, 2, 255, 255]), {
      "content-type": "application/grpc-web+proto",
    });
    expect(await response.text()).toMatch(/grpc-status: 3\r\n/);
  });

  test.for([
    ["no gzip", Buffer.from("no gzip")],
    ["gzip that ends too early", gzipSync(valid).subarray(0, 20)],
  ] as const)("refuses %s as malformed", async ([, body]) => {
    await using server = await startServer();
    const response = await post(server, "GetOption", new Uint8Array(body), { "content-encoding": "gzip" });
    expect(await refusalOf(response)).toEqual(malformed);
  });

  test("takes gzip", async () => {
    await using server = await startServer();
    const response = await post(server, "GetOption", new Uint8Array(gzipSync(valid)), { "content-encoding": "gzip" });
    expect(await response.json()).toMatchObject({ found: true });
  });

  test("a small body that unpacks to a large one is refused", async () => {
    await using server = await startServer();
    const bomb = new Uint8Array(gzipSync(`{"key":"${"x".repeat(5_000_000)}"}`));
    const response = await post(server, "GetOption", bomb, { "content-encoding": "gzip" });
    expect(await refusalOf(response)).toMatchObject({ code: "resource_exhausted", reason: "REQUEST_TOO_LARGE" });
  });

  test("a read by GET is not to be stored", async () => {
    await using server = await startServer();
    const query = new URLSearchParams({ encoding: "json", message: valid });
    const response = await fetch(server.url(`/userd.v1.UserOptionService/GetOption?${query}`));
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(await response.json()).toMatchObject({ found: true });
  });

  test("a write by GET is refused", async () => {
    await using server = await startServer();
    const response = await fetch(server.url("/userd.v1.UserOptionService/SetOption?encoding=json&message={}"));
    expect(response.status).toBe(405);
  });

  test.for([
    ["encoding=proto&base64=1&message=%21%21", "text that is no base64"],
    ["encoding=proto&base64=1&message=____", "malformed protobuf"],
    ["encoding=json&message=%7B", "half a JSON object"],
  ])("a GET with %s is refused as malformed", async ([query]) => {
    await using server = await startServer();
    const response = await fetch(server.url(`/userd.v1.UserOptionService/GetOption?${query}`));
    expect(await refusalOf(response)).toMatchObject({ status: 400, code: "invalid_argument" });
  });

  test("an RPC that does not exist is unimplemented, in every protocol", async () => {
    await using server = await startServer();
    expect(await refusalOf(await post(server, "Nope", "{}"))).toEqual({ status: 404, code: "unimplemented", reason: "METHOD_NOT_FOUND" });
    const web = await post(server, "Nope", new Uint8Array(5), { "content-type": "application/grpc-web+proto" });
    expect(web.headers.get("grpc-status")).toBe("12");
  });

  test("a path that does not exist is 404 with a sentence", async () => {
    await using server = await startServer();
    for (const path of ["/", "/nope", "//", "/userd.v1.Nope/GetUser"]) {
      const response = await fetch(`${server.url("")}${path}`, { method: "POST" });
      expect(response.status, path).toBe(404);
      expect(await response.text()).toMatch(/^There is nothing here/);
    }
  });

  test("a content type that no protocol has is 415", async () => {
    await using server = await startServer();
    expect((await post(server, "GetOption", valid, { "content-type": "text/plain" })).status).toBe(415);
  });

  test("an unknown compression is unimplemented", async () => {
    await using server = await startServer();
    expect(await refusalOf(await post(server, "GetOption", valid, { "content-encoding": "br" }))).toMatchObject({ code: "unimplemented" });
  });

  test("a malformed Host is refused and ends nothing", async () => {
    await using server = await startServer();
    for (const host of ["[", "a b", "%zz", ":::", "a:99999", ""]) {
      const request = `POST /userd.v1.UserOptionService/GetOption HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`;
      expect(await answerTo(server.httpAddress, request), host).toMatch(/^HTTP\/1\.1 400 /);
    }
    const withoutHost = "GET /userd.v1.UserOptionService/GetOption?encoding=json&message={} HTTP/1.0\r\n\r\n";
    expect(await answerTo(server.httpAddress, withoutHost)).toMatch(/^HTTP\/1\.1 400 /);
    expect((await post(server, "GetOption", valid)).status).toBe(200);
  });

  test("a malformed :authority is refused and ends nothing", async () => {
    await using server = await startServer();
    const session = http2.connect(server.url(""));
    for (const authority of ["[", "a b", "%zz", ":::"]) {
      const request = session.request({
        ":method": "POST",
        ":path": "/userd.v1.UserOptionService/GetOption",
        ":authority": authority,
        "content-type": "application/json",
      });
      const outcome = new Promise((resolve) => {
        request.once("response", (headers) => resolve(headers[":status"]));
        request.once("error", () => resolve("reset"));
      });
      request.end("{}").resume();
      // HTTP/2 itself refuses some of them.
      expect([400, "reset"], authority).toContain(await outcome);
    }
    session.destroy();
    expect((await post(server, "GetOption", valid)).status).toBe(200);
  });

  test("survives bytes that are no HTTP", async () => {
    await using server = await startServer();
    const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    for (const bytes of [
      "\0\0\0\0",
      "PRI",
      "PRIVATE /\r\n\r\n",
      "GET\r\n\r\n",
      `${preface}nonsense, and more of it`,
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
    ]) {
      await exchange(server.httpAddress, bytes, 200);
    }
    expect((await post(server, "GetOption", valid)).status).toBe(200);
  });

  test("a preface that arrives byte by byte is HTTP/2, and a request that does is HTTP/1.1", async () => {
    await using server = await startServer();
    const { host, port } = server.httpAddress;
    const slowly = (bytes: string): Promise<Buffer> =>
      new Promise((resolve) => {
        const socket = connect({ port, host, noDelay: true });
        socket.once("data", (data) => {
          socket.destroy();
          resolve(data);
        });
        let sent = 0;
        const timer = setInterval(() => {
          if (sent < bytes.length && !socket.destroyed) socket.write(bytes.slice(sent, ++sent));
          else clearInterval(timer);
        }, 2);
      });
    expect((await slowly("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")).toString()).toMatch(/^HTTP\/1\.1 200/);
    // The server's first frame is SETTINGS: type 4.
    expect((await slowly("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))[3]).toBe(4);
  });

  test.for([
    ["its own deadline", "Connect-Timeout-Ms: 200\r\n", 150, 900],
    ["the default deadline", "", 900, 2_000],
  ] as const)("a body that stalls is given up at %s", async ([, header, atLeast, atMost]) => {
    await using server = await startServer();
    const begin = Date.now();
    const request = `POST /userd.v1.UserOptionService/GetOption HTTP/1.1\r\nHost: a\r\n${header}Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{`;
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(server.httpAddress.port, server.httpAddress.host, () => socket.write(request));
      socket.once("data", (data) => {
        socket.destroy();
        resolve(data.toString());
      });
    });
    expect(answer).toMatch(/^HTTP\/1\.1 504 /);
    expect(answer).toContain("DEADLINE_PASSED");
    expect(Date.now() - begin).toBeGreaterThan(atLeast);
    expect(Date.now() - begin).toBeLessThan(atMost);
  });

  test("who never ends a request loses the connection after the answer", { timeout: 20_000 }, async () => {
    await using server = await startServer();
    const request = `POST /userd.v1.UserOptionService/GetOption HTTP/1.1\r\nHost: a\r\nConnect-Timeout-Ms: 100\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{`;
    const socket = connect(server.httpAddress.port, server.httpAddress.host, () => socket.write(request));
    const [answer] = await once(socket, "data");
    expect(String(answer)).toMatch(/^HTTP\/1\.1 504 /);
    await once(socket, "close");
  });

  test("a deadline in the request ends an operation that hangs, with a reason", async () => {
    await using server = await startServer({ getOption: () => new Promise(() => {}) });
    const response = await post(server, "GetOption", valid, { "connect-timeout-ms": "100" });
    expect(await refusalOf(response)).toEqual({ status: 504, code: "deadline_exceeded", reason: "DEADLINE_PASSED" });
  });

  test("a deadline of more than 60 s is capped, not refused", async () => {
    const deadlines: number[] = [];
    await using server = await startServer({
      getOption: (call) => {
        deadlines.push(call.deadline);
        return {};
      },
    });
    expect((await post(server, "GetOption", valid, { "connect-timeout-ms": "3600000" })).status).toBe(200);
    expect(deadlines[0]).toBeLessThanOrEqual(Date.now() + 60_000);
  });

  test("a malformed deadline is refused", async () => {
    await using server = await startServer();
    const response = await post(server, "GetOption", valid, { "connect-timeout-ms": "soon" });
    expect(await refusalOf(response)).toMatchObject({ status: 400, code: "invalid_argument" });
  });

  test("headers over 16 KiB are refused", async () => {
    await using server = await startServer();
    expect((await post(server, "GetOption", valid, { "x-large": "x".repeat(17_000) })).status).toBe(431);
  });

  test("the pages for operators say how the process is", async () => {
    const state = { ready: true };
    await using server = await startServer({}, { ready: () => state.ready });
    expect((await fetch(server.url("/healthz"))).status).toBe(200);
    expect((await fetch(server.url("/readyz"))).status).toBe(200);
    state.ready = false;
    await expect.poll(async () => (await fetch(server.url("/readyz"))).status, { timeout: 15_000 }).toBe(503);
    expect((await fetch(server.url("/healthz"))).status).toBe(200);
    const metrics = await fetch(server.url("/metrics"));
    expect(metrics.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await metrics.text()).toMatch(/process_cpu_seconds_total/);
  });

  test("a readiness check that hangs or throws is not ready", async () => {
    await using hanging = await startServer({}, { ready: () => new Promise<boolean>(() => {}) });
    expect((await fetch(hanging.url("/readyz"))).status).toBe(503);
    await using throwing = await startServer({}, { ready: () => Promise.reject(new Error("no database")) });
    expect((await fetch(throwing.url("/readyz"))).status).toBe(503);
  });
});
