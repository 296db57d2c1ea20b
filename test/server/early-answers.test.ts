import { execFile } from "node:child_process";
import { once } from "node:events";
import http2 from "node:http2";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { needTools } from "../foreign/tools.ts";
import { exchangeHttp2, framed, type Sent } from "./raw-http2.ts";
import { answerTo, exchange, refusalOf, startServer } from "./server.ts";

const path = (rpc: string) => `/userd.v1.UserOptionService/${rpc}`;
const valid = '{"userId":"7","key":"timezone"}';
/** More than an RPC takes, and more than Node hands out of a stream that nobody reads. */
const large = Buffer.from(JSON.stringify({ userId: "7", key: "a", value: { stringValue: "x".repeat(1_100_000) } }));

const ofConnect = (rpc: string, more: http2.OutgoingHttpHeaders = {}) => ({
  ":path": path(rpc),
  "content-type": "application/json",
  ...more,
});
const ofGrpc = (at: string, more: http2.OutgoingHttpHeaders = {}) => ({
  ":path": at,
  "content-type": "application/grpc",
  te: "trailers",
  ...more,
});

/** Requests that are answered before they have ended, with the status of HTTP and the start of the body. */
const connectCases: readonly (readonly [string, Sent, number, RegExp])[] = [
  ["a SetOption of 1.1 MB", { headers: ofConnect("SetOption"), chunks: [large] }, 429, /"REQUEST_TOO_LARGE"/],
  [
    "a length that is too large",
    { headers: ofConnect("SetOption", { "content-length": large.length }), chunks: [large] },
    429,
    /"REQUEST_TOO_LARGE"/,
  ],
  [
    "an unknown content type",
    { headers: ofConnect("GetOption", { "content-type": "text/plain" }), chunks: [large] },
    415,
    /content-type: application\/json/,
  ],
  ["no content type", { headers: { ":path": path("GetOption") }, chunks: [large] }, 415, /content-type: application\/json/],
  ["an unknown encoding", { headers: ofConnect("GetOption", { "content-encoding": "br" }), chunks: [large] }, 501, /gzip/],
  ["an unknown method", { headers: ofConnect("Nope"), chunks: [large] }, 404, /"METHOD_NOT_FOUND"/],
  ["an unknown path", { headers: { ":path": "/nope" }, chunks: [large] }, 404, /^There is nothing here/],
  ["a page with a body", { headers: { ":path": "/healthz" }, chunks: [large] }, 405, /for GET/],
  ["an RPC by PUT", { headers: ofConnect("GetOption", { ":method": "PUT" }), chunks: [large] }, 405, /GetOption is called by POST, GET/],
  ["a malformed query", { headers: { ":method": "GET", ":path": `${path("GetOption")}?base64=1&message=%21` } }, 400, /base64/],
  ["a GET without an encoding", { headers: { ":method": "GET", ":path": path("GetOption") } }, 415, /encoding/],
  [
    "a GET",
    { headers: { ":method": "GET", ":path": `${path("GetOption")}?encoding=json&message=${encodeURIComponent(valid)}` } },
    200,
    /"found":true/,
  ],
  [
    "a GET whose stream is not ended with its headers",
    { headers: { ":method": "GET", ":path": `${path("GetOption")}?encoding=json&message=${encodeURIComponent(valid)}` }, chunks: [large] },
    200,
    /"found":true/,
  ],
];

const grpcCases: readonly (readonly [string, Sent, string])[] = [
  ["a message of 1.1 MB", { headers: ofGrpc(path("SetOption")), chunks: [framed(large)] }, "8"],
  ["a malformed message", { headers: ofGrpc(path("GetOption")), chunks: [framed(Buffer.from("nonsense"))] }, "3"],
  ["a message that breaks a rule", { headers: ofGrpc(path("GetOption")), chunks: [framed(Buffer.alloc(0))] }, "3"],
  [
    "an unknown compression",
    { headers: ofGrpc(path("GetOption"), { "grpc-encoding": "br" }), chunks: [framed(Buffer.from("br"), 1)] },
    "12",
  ],
  ["no message", { headers: ofGrpc(path("GetOption")) }, "12"],
  ["half a message", { headers: ofGrpc(path("GetOption")), chunks: [framed(Buffer.alloc(50)).subarray(0, 9)] }, "3"],
  ["the beginning of a message that is too large", { headers: ofGrpc(path("GetOption")), chunks: [framed(large).subarray(0, 9)] }, "8"],
  ["an unknown method", { headers: ofGrpc(path("Nope")), chunks: [framed(large)] }, "12"],
  ["an unknown service", { headers: ofGrpc("/userd.v1.Nope/GetUser"), chunks: [framed(large)] }, "12"],
  ["a slash too many", { headers: ofGrpc(`${path("GetOption")}/`), chunks: [framed(large)] }, "12"],
  ["a path that is percent-encoded", { headers: ofGrpc(path("Get%4Fption")), chunks: [framed(large)] }, "12"],
  [
    "JSON, for an unknown method",
    { headers: ofGrpc(path("Nope"), { "content-type": "application/grpc+json" }), chunks: [framed(large)] },
    "12",
  ],
];

describe.concurrent("an answer that is given before the request has ended, over HTTP/2,", () => {
  test.for(connectCases)("arrives: %s", async ([, sent, status, body]) => {
    await using server = await startServer();
    const heard = await exchangeHttp2(server.url(""), sent);
    expect(heard).toMatchObject({ headers: { ":status": status }, error: undefined, code: 0 });
    expect(heard.body.toString()).toMatch(body);
  });

  test.for(grpcCases)("is trailers alone for gRPC: %s", async ([, sent, status]) => {
    await using server = await startServer();
    const heard = await exchangeHttp2(server.url(""), sent);
    const type = sent.headers["content-type"];
    expect(heard.headers).toMatchObject({ ":status": 200, "content-type": type, "grpc-status": status });
    expect({ alone: heard.headersAlone, length: heard.body.length, error: heard.error, code: heard.code }).toEqual({
      alone: true,
      length: 0,
      error: undefined,
      code: 0,
    });
  });

  test("arrives at a client that has only begun to send, and that sends for ever loses the stream", { timeout: 20_000 }, async () => {
    await using server = await startServer();
    const session = http2.connect(server.url(""));
    const stream = session.request(ofConnect("GetOption", { ":method": "POST", "content-type": "text/plain" }));
    stream.on("error", () => {});
    const sending = setInterval(() => stream.write(Buffer.alloc(1_000)), 20);
    try {
      const status = new Promise((resolve) => stream.once("response", (headers) => resolve(headers[":status"])));
      const ended = new Promise((resolve) => stream.once("end", resolve));
      const gone = new Promise((resolve) => stream.once("close", resolve));
      stream.resume();
      expect(await status).toBe(415);
      await ended;
      await gone;
      expect(session.destroyed).toBe(false);
    } finally {
      clearInterval(sending);
      session.destroy();
    }
  });

  test.for(["HTTP/1.1", "HTTP/2"])("does not hold up a drain when the client sends on over %s", async (version) => {
    const server = await startServer();
    const { port, host } = server.httpAddress;
    const answered =
      version === "HTTP/2"
        ? new Promise((resolve) => {
            const session = http2.connect(server.url("")).on("error", () => {});
            const stream = session.request(ofConnect("GetOption", { ":method": "POST", "content-type": "text/plain" }));
            stream.on("error", () => {}).resume();
            stream.once("end", resolve);
          })
        : new Promise((resolve) => {
            const socket = connect(port, host).on("error", () => {});
            socket.write(`POST ${path("GetOption")} HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\n{`);
            socket.once("data", resolve);
          });
    await answered;
    const begun = Date.now();
    await server[Symbol.asyncDispose]();
    expect(Date.now() - begun).toBeLessThan(3_000);
  });

  test("reaches curl", async ({ skip }) => {
    needTools(skip, "curl");
    await using server = await startServer();
    const args = ["-sS", "--http2-prior-knowledge", "-H", "content-type: text/plain", "-d", "x".repeat(100_000), "-w", " %{http_code}"];
    const { stdout } = await promisify(execFile)("curl", [...args, server.url(path("GetOption"))]);
    expect(stdout).toMatch(/content-type: application\/json.* 415$/s);
  });
});

describe("an answer that is given before the request has ended, over HTTP/1.1,", () => {
  test.for(["Connection: close", "Connection: keep-alive", "Expect: 100-continue"])("arrives with %s", async (header) => {
    await using server = await startServer();
    const body = "x".repeat(6_000_000);
    const request = `POST ${path("SetOption")} HTTP/1.1\r\nHost: a\r\n${header}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
    const socket = connect(server.httpAddress.port, server.httpAddress.host);
    const lost = once(socket, "error").then(([error]) => Promise.reject(error as Error));
    // Many clients read only when they have sent all.
    const sent = (async () => {
      socket.pause().write(request);
      await delay(100);
      await new Promise((resolve) => socket.write(body, resolve));
      await delay(200);
      let answer = "";
      for await (const data of socket) {
        answer += String(data);
        if (answer.includes("REQUEST_TOO_LARGE")) break;
      }
      return answer;
    })();
    const answer = await Promise.race([sent, lost]);
    expect(answer).toMatch(/HTTP\/1\.1 429 /);
  });

  test("closes a connection that the client wanted closed, once the request has arrived", async () => {
    await using server = await startServer();
    const request = `POST ${path("GetOption")} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${valid.length}\r\n\r\n${valid}`;
    const begun = Date.now();
    expect(await exchange(server.httpAddress, request, 5_000)).toMatch(/^HTTP\/1\.1 200 /);
    expect(Date.now() - begun).toBeLessThan(4_000);
  });
});

describe("the target of a request", () => {
  test.for([
    ["with scheme and host", "http://userd.example", 200],
    ["with another scheme", "https://userd.example:8443", 200],
    ["in capitals", "HTTP://USERD.example", 200],
    ["that is no URL", "http://[", 404],
    ["with a host alone", "userd.example", 400],
    ["of another kind", "ftp://userd.example", 404],
  ] as const)("%s", async ([, prefix, status]) => {
    await using server = await startServer();
    const request = `POST ${prefix}${path("GetOption")} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${valid.length}\r\n\r\n${valid}`;
    expect(await answerTo(server.httpAddress, request)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });

  test("with scheme and host reaches pages, reads by GET and nothing", async () => {
    await using server = await startServer();
    const get = (target: string) => answerTo(server.httpAddress, `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect(await get("http://userd/healthz")).toMatch(/^HTTP\/1\.1 200 /);
    expect(await get(`http://userd${path("GetOption")}?encoding=json&message=${encodeURIComponent(valid)}`)).toMatch(/"found":true/);
    expect(await get("http://userd")).toMatch(/^HTTP\/1\.1 404 /);
  });

  test("is no other RPC's for a slash too many, or percent-encoded", async () => {
    await using server = await startServer();
    for (const rpc of ["GetOption/", "/GetOption", "Get%4Fption", "getoption", "../UserOptionService/GetOption"]) {
      const at = `${path("")}${rpc}`;
      const request = `POST ${at} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${valid.length}\r\n\r\n${valid}`;
      expect(await answerTo(server.httpAddress, request), rpc).toMatch(/^HTTP\/1\.1 404 [\s\S]*METHOD_NOT_FOUND/);
    }
  });
});

describe("what a request lacks is said", () => {
  test("a POST without a content type gets 415, and what to send", async () => {
    await using server = await startServer();
    const response = await fetch(server.url(path("GetOption")), { method: "POST", body: new Uint8Array(Buffer.from(valid)) });
    expect(response.headers.get("accept-post")).toBe("application/json, application/proto, application/grpc, application/grpc-web");
    expect([response.status, await response.text()]).toEqual([415, expect.stringContaining("content-type: application/json")]);
  });

  test.for([
    ["PUT", "GetOption", "POST, GET"],
    ["HEAD", "GetOption", "POST, GET"],
    ["OPTIONS", "SetOption", "POST"],
    ["GET", "SetOption", "POST"],
    ["DELETE", "SetOption", "POST"],
  ] as const)("%s of %s gets 405, and what is allowed", async ([method, rpc, allow]) => {
    await using server = await startServer();
    const response = await fetch(server.url(path(rpc)), { method });
    expect([response.status, response.headers.get("allow")]).toEqual([405, allow]);
  });

  test("a GET is read whatever content type it names", async () => {
    await using server = await startServer();
    const query = new URLSearchParams({ encoding: "json", message: valid });
    const response = await fetch(server.url(`${path("GetOption")}?${query}`), { headers: { "content-type": "text/plain" } });
    expect(response.status).toBe(200);
  });

  test("a POST of JSON to a service that does not exist is answered in JSON", async () => {
    await using server = await startServer();
    const response = await fetch(server.url("/userd.v1.Nope/GetUser"), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    expect(await refusalOf(response)).toEqual({ status: 404, code: "unimplemented", reason: "METHOD_NOT_FOUND" });
  });

  test("the pages take no body", async () => {
    await using server = await startServer();
    const response = await fetch(server.url("/healthz"), { method: "POST", body: "x".repeat(1_000_000) });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });

  test("a request that asks for HTTP/2 by an upgrade is answered over HTTP/1.1", async () => {
    await using server = await startServer();
    const upgrade = "Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n";
    const request = `POST ${path("GetOption")} HTTP/1.1\r\nHost: a\r\n${upgrade}Content-Type: application/json\r\nContent-Length: ${valid.length}\r\n\r\n${valid}`;
    expect(await answerTo(server.httpAddress, request)).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe("what never succeeds unchanged", () => {
  test("comes without RetryInfo: a request or a response that is too large, on both ports", async () => {
    const lots = { found: true, value: { kind: { case: "stringValue", value: "x".repeat(3_500_000) } } } as const;
    await using server = await startServer({ getOption: () => lots });
    for (const clients of Object.values(server.clients)) {
      for (const call of [
        () => clients.options.getOption({ userId: 7n, key: "a" }),
        () => clients.options.setOption({ userId: 7n, key: "a", value: { kind: { case: "stringValue", value: "x".repeat(1_100_000) } } }),
      ]) {
        const error = await call().then(
          () => undefined,
          (refused: { details: { type: string }[] }) => refused,
        );
        expect(error?.details.map(({ type }) => type)).toEqual(["google.rpc.ErrorInfo"]);
      }
    }
  });
});
