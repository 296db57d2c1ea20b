import { type ClientHttp2Session, connect } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test, vi } from "vitest";
import { GetOptionRequestSchema } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { exchangeOver, framed, type Heard } from "./raw-http2.ts";
import { startRefusing } from "./refusing.ts";
import { validRequest } from "./server.ts";

const path = "/userd.v1.UserOptionService/GetOption";
const message = framed(toBinary(GetOptionRequestSchema, create(GetOptionRequestSchema, validRequest)));

/** The way to call in a protocol of the ports. */
type Protocol = { readonly port: "grpc" | "http"; readonly headers: Readonly<Record<string, string>>; readonly body: Uint8Array };

const protocols: Readonly<Record<string, Protocol>> = {
  "gRPC on the gRPC port": { port: "grpc", headers: { "content-type": "application/grpc", te: "trailers" }, body: message },
  "gRPC on the HTTP port": { port: "http", headers: { "content-type": "application/grpc", te: "trailers" }, body: message },
  "gRPC-Web": { port: "http", headers: { "content-type": "application/grpc-web+proto" }, body: message },
  Connect: { port: "http", headers: { "content-type": "application/json" }, body: Buffer.from(JSON.stringify({ userId: "1", key: "k" })) },
};

const startWith = async ({ port }: Protocol) => {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startRefusing());
  const session = connect(port === "grpc" ? `http://${formatAddress(server.grpcAddress)}` : server.url(""));
  stack.defer(() => session.destroy());
  const running = stack.move();
  return { server, session, [Symbol.asyncDispose]: () => running.disposeAsync() };
};

const call = (session: ClientHttp2Session, { headers, body }: Protocol, further: Readonly<Record<string, string>> = {}): Promise<Heard> =>
  exchangeOver(session, { headers: { ":path": path, ...headers, ...further }, chunks: [body] });

/** The outcome of a call, wherever the protocol says it: in headers, trailers or the body. */
const outcomeOf = ({ headers, trailers, body }: Heard): Readonly<Record<string, unknown>> => {
  const text = body.toString("latin1");
  if (text.startsWith("{")) return { status: headers[":status"], ...JSON.parse(text) };
  const said = (name: string) => headers[name] ?? trailers[name] ?? new RegExp(`${name}: (.*)\\r`).exec(text)?.[1];
  // The padding of base64 is optional in gRPC.
  const details = said("grpc-status-details-bin")?.toString().replace(/=+$/, "");
  return { status: headers[":status"], code: said("grpc-status"), message: said("grpc-message"), details };
};

const nobodys = { code: expect.stringMatching(/^(16|unauthenticated)$/) };

describe.for(Object.entries(protocols))("the calls of a stranger over one connection, in %s", ([, protocol]) => {
  test.for([
    ["nothing", {}],
    ["an unknown token", { authorization: "Bearer somebody" }],
    ["what is no token", { authorization: "Basic Zm9vOmJhcg==" }],
  ] as const)("who shows %s, are refused alike", async ([, shown]) => {
    await using started = await startWith(protocol);
    const { server, session } = started;
    const first = outcomeOf(await call(session, protocol, shown));
    expect(first).toMatchObject(nobodys);
    for (let time = 0; time < 2; time += 1) expect(outcomeOf(await call(session, protocol, shown))).toEqual(first);
    await vi.waitFor(async () => {
      expect(await server.metrics()).toContain(`userd_calls_total{method="${path.slice(1)}",code="UNAUTHENTICATED"} 3`);
    }, 5_000);
    expect(server.logged().filter(({ msg }) => msg === "call failed")).toMatchObject([{ reason: "CREDENTIALS_REQUIRED" }]);
    expect(server.logged()).toContainEqual(expect.objectContaining({ msg: "calls refused", reasons: { CREDENTIALS_REQUIRED: 2 } }));
  });

  test("end when the connection shows who it is", async () => {
    await using started = await startWith(protocol);
    const { session } = started;
    for (let time = 0; time < 3; time += 1) await call(session, protocol);
    expect(outcomeOf(await call(session, protocol, { authorization: "Bearer canary-all" }))).not.toMatchObject(nobodys);
    expect(outcomeOf(await call(session, protocol))).toMatchObject(nobodys);
  });

  test("with the token of a caller without the permission, are those of a caller", async () => {
    await using started = await startWith(protocol);
    const { session } = started;
    for (let time = 0; time < 3; time += 1) {
      const refused = { code: expect.stringMatching(/^(7|permission_denied)$/) };
      expect(outcomeOf(await call(session, protocol, { authorization: "Bearer canary-none" }))).toMatchObject(refused);
    }
  });
});
