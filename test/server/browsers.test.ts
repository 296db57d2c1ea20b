import { request } from "node:http";
import { describe, expect, test } from "vitest";
import { startRefusing } from "./refusing.ts";
import { startServer } from "./server.ts";

type Server = Pick<Awaited<ReturnType<typeof startServer>>, "httpAddress">;
type Answer = { readonly status: number; readonly headers: Record<string, unknown>; readonly body: string };

/** Sends a request with whatever Host and Origin; fetch sets both itself. */
const send = ({ httpAddress }: Server, headers: Record<string, string>, method = "POST", path = "/userd.v1.UserOptionService/GetOption") =>
  new Promise<Answer>((resolve, reject) => {
    const sent = request({ ...httpAddress, path, method, headers: { "content-type": "application/json", ...headers } }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text) => (body += text));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    sent.on("error", reject).end(method === "POST" ? '{"userId":7,"key":"timezone"}' : undefined);
  });

describe("without credentials", () => {
  test.for([
    ["a name that somebody else may have made lead here", { host: "evil.example" }],
    ["such a name, by a page of the same name", { host: "evil.example:8080", origin: "http://evil.example:8080" }],
    ["a name that begins as localhost does", { host: "localhost.evil.example" }],
    ["a name that begins as an address does", { host: "127.0.0.1.evil.example" }],
    ["a page of another origin", { host: "localhost:8080", origin: "https://evil.example" }],
    ["a page of another port", { host: "localhost:8080", origin: "http://localhost:3000" }],
    ["a page in a sandbox", { host: "localhost:8080", origin: "null" }],
    ["a plain request of a page of another site", { host: "localhost:8080", "sec-fetch-site": "cross-site" }],
  ] as const)("%s is refused", async ([, headers]) => {
    await using server = await startServer();
    expect(await send(server, headers)).toMatchObject({ status: 403, body: expect.stringContaining("asks for no credentials") });
    expect((await send(server, headers, "GET", "/metrics")).status).toBe(403);
  });

  test.for([
    ["localhost", { host: "localhost:8080" }],
    ["a name under localhost", { host: "userd.localhost" }],
    ["an address", { host: "10.1.2.3:8080" }],
    ["an address of IPv6", { host: "[::1]:8080" }],
    ["a name without a dot, as containers have", { host: "userd:8080" }],
    ["a page of its own", { host: "localhost:8080", origin: "http://localhost:8080" }],
    ["a name that is allowed", { host: "userd.example:8080" }],
    ["an origin that is allowed", { host: "localhost", origin: "https://console.example" }],
  ] as const)("%s is answered", async ([, headers]) => {
    await using server = await startServer({}, { browsers: { hosts: ["userd.example"], origins: ["https://console.example"] } });
    expect((await send(server, headers)).status).toBe(200);
  });
});

test("with credentials the token decides, under any name", async () => {
  await using server = await startRefusing();
  const authorization = "Bearer canary-all";
  expect((await send(server, { host: "userd.example", origin: "https://elsewhere.example", authorization })).status).toBe(200);
});

test("browsers are told to guess no types, and to give answers to no other page", async () => {
  await using server = await startServer();
  const answers = [await send(server, {}), await send(server, {}, "GET", "/healthz"), await send(server, {}, "GET", "/nothing")];
  for (const { headers } of answers) {
    expect(headers).toMatchObject({ "x-content-type-options": "nosniff", "cross-origin-resource-policy": "same-origin" });
    expect(headers).not.toHaveProperty("access-control-allow-origin");
  }
});

describe("a preflight", () => {
  const preflight = { "access-control-request-method": "POST", "access-control-request-headers": "content-type,authorization" };

  test("of an allowed origin is answered, and so is the call behind it", async () => {
    await using server = await startServer({}, { browsers: { hosts: [], origins: ["https://console.example"] } });
    const origin = "https://console.example";
    const leave = await send(server, { origin, ...preflight }, "OPTIONS");
    expect(leave).toMatchObject({ status: 204, headers: { "access-control-allow-origin": origin, vary: "origin" } });
    expect(leave.headers["access-control-allow-headers"]).toContain("authorization");
    expect(leave.headers["access-control-allow-methods"]).toBe("POST, GET");
    const call = await send(server, { origin });
    expect(call).toMatchObject({ status: 200, headers: { "access-control-allow-origin": origin, vary: "origin" } });
    const exposed = String(call.headers["access-control-expose-headers"]).split(", ");
    for (const header of ["grpc-status", "retry-after", "ratelimit", "ratelimit-policy"]) expect(exposed).toContain(header);
  });

  test("of any other origin is not", async () => {
    await using server = await startRefusing();
    const { status, headers } = await send(server, { origin: "https://evil.example", ...preflight }, "OPTIONS");
    expect(status).toBe(405);
    expect(headers).not.toHaveProperty("access-control-allow-origin");
  });
});

test("gRPC-Web in base64 is refused with what to send instead", async () => {
  await using server = await startServer();
  const { status, body } = await send(server, { "content-type": "application/grpc-web-text" });
  expect(status).toBe(415);
  expect(body).toContain("application/grpc-web");
});
