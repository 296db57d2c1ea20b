import http2 from "node:http2";
import { type AddressInfo, createServer } from "node:net";
import { gzipSync } from "node:zlib";
import { Client, credentials, Metadata as GrpcMetadata, type Metadata, status } from "@grpc/grpc-js";
import { describe, expect, test, vi } from "vitest";
import { formatAddress } from "../../src/server/sockets.ts";
import { exchange, startServer, validRequest } from "./server.ts";
import { nestedRequest } from "./wire.ts";

type Answer = { readonly code: number; readonly message: string };

/** Sends bytes as they are, by grpc-js. */
const send = (address: string, path: string, bytes: Uint8Array, metadata: Metadata = new GrpcMetadata()): Promise<Answer> =>
  new Promise((resolve) => {
    const client = new Client(address, credentials.createInsecure());
    const same = (buffer: Buffer) => buffer;
    client.makeUnaryRequest(path, same, same, Buffer.from(bytes), metadata, (error) => {
      client.close();
      resolve({ code: error?.code ?? status.OK, message: error?.details ?? "" });
    });
  });

/** Sends one stream by HTTP/2 without a gRPC client in between; resolves to headers and trailers, or to nothing on a reset. */
const stream = (address: string, headers: http2.OutgoingHttpHeaders, body: Uint8Array, end = true): Promise<http2.IncomingHttpHeaders> =>
  new Promise((resolve) => {
    const session = http2.connect(`http://${address}`);
    const request = session.request(
      { ":method": "POST", "content-type": "application/grpc", te: "trailers", ...headers },
      { endStream: false },
    );
    const seen: http2.IncomingHttpHeaders = {};
    const done = () => {
      session.destroy();
      resolve(seen);
    };
    request.on("response", (received) => Object.assign(seen, received));
    request.on("trailers", (received) => Object.assign(seen, received));
    request.on("end", done);
    request.on("error", done);
    request.resume();
    request.write(body);
    if (end) request.end();
  });

const getOption = "/userd.v1.UserOptionService/GetOption";
const setOption = "/userd.v1.UserOptionService/SetOption";

describe("the gRPC port", () => {
  test.for([
    ["random bytes", Buffer.from("\u00ff\u0001 nonsense")],
    ["a field that ends too early", Uint8Array.from([18, 200, 1, 65])],
    ["a group that never ends", Uint8Array.from([11])],
    ["values nested 10,000 deep", nestedRequest(10_000)],
    ["values nested 101 deep", nestedRequest(101)],
  ] as const)("refuses %s as malformed", async ([, bytes]) => {
    await using server = await startServer();
    const answer = await send(formatAddress(server.grpcAddress), setOption, bytes);
    expect(answer).toEqual({ code: status.INVALID_ARGUMENT, message: "The request is not a well-formed userd.v1.SetOptionRequest." });
  });

  test("lets values nested 20 deep pass", async () => {
    await using server = await startServer();
    expect((await send(formatAddress(server.grpcAddress), setOption, nestedRequest(20))).code).toBe(status.OK);
  });

  test.for(["/userd.v1.UserOptionService/Nope", "/nope", "/%00", "/ÿ"])("answers %s with UNIMPLEMENTED", async (path) => {
    await using server = await startServer();
    const headers = await stream(formatAddress(server.grpcAddress), { ":path": path }, new Uint8Array(5));
    expect(headers["grpc-status"]).toBe(String(status.UNIMPLEMENTED));
  });

  test("answers a content type other than gRPC's with 415", async () => {
    await using server = await startServer();
    const headers = await stream(
      formatAddress(server.grpcAddress),
      { ":path": getOption, "content-type": "text/plain" },
      new Uint8Array(5),
    );
    expect(headers[":status"]).toBe(415);
  });

  test("takes gzip, and refuses what is no gzip", async () => {
    await using server = await startServer();
    const framed = (bytes: Uint8Array) => {
      const frame = Buffer.alloc(5 + bytes.length);
      frame[0] = 1;
      frame.writeUInt32BE(bytes.length, 1);
      frame.set(bytes, 5);
      return frame;
    };
    const address = formatAddress(server.grpcAddress);
    const headers = { ":path": getOption, "grpc-encoding": "gzip" };
    const good = await stream(address, headers, framed(gzipSync(Uint8Array.from([8, 7, 18, 1, 65]))));
    expect(good["grpc-status"]).toBe("0");
    const bad = await stream(address, headers, framed(Buffer.from("no gzip")));
    expect(bad["grpc-status"]).toBe(String(status.INVALID_ARGUMENT));
  });

  test("survives a malformed :authority", async () => {
    await using server = await startServer();
    const body = Uint8Array.from([0, 0, 0, 0, 5, 8, 7, 18, 1, 65]);
    for (const authority of ["[", "a b", "%zz", ":::"]) {
      const headers = await stream(formatAddress(server.grpcAddress), { ":path": getOption, ":authority": authority }, body);
      // HTTP/2 itself resets the stream for some of them.
      expect([undefined, "0"], authority).toContain(headers["grpc-status"]);
    }
    expect(await server.clients["grpc-js"].options.getOption(validRequest)).toMatchObject({ found: true });
  });

  test("survives bytes that are no HTTP/2", async () => {
    await using server = await startServer();
    for (const bytes of ["GET / HTTP/1.1\r\n\r\n", "\0\0\0", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnonsense, and more of it"]) {
      await exchange(server.grpcAddress, bytes, 200);
    }
    expect(await server.clients["grpc-js"].options.getOption(validRequest)).toMatchObject({ found: true });
  });

  test("ends a call whose request does not arrive", { timeout: 30_000 }, async () => {
    await using server = await startServer();
    const headers = await stream(formatAddress(server.grpcAddress), { ":path": getOption }, new Uint8Array(2), false);
    expect(headers["grpc-status"]).toBe(String(status.DEADLINE_EXCEEDED));
  });

  test("never repeats a malformed header in its output", async ({ onTestFinished }) => {
    const written: string[] = [];
    // grpc-js logs by console.error.
    const spy = vi.spyOn(console, "error").mockImplementation((...words) => void written.push(words.join(" ")));
    onTestFinished(() => spy.mockRestore());
    await using server = await startServer();
    const body = Uint8Array.from([0, 0, 0, 0, 5, 8, 7, 18, 1, 65]);
    await stream(formatAddress(server.grpcAddress), { ":path": getOption, authorization: "Bearer cänary-token" }, body);
    expect(written.join("\n")).not.toContain("nary-token");
  });
});

test.for(["grpcListen", "httpListen"] as const)("a %s that is taken ends the start with one sentence", async (setting) => {
  const other = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => other.once("listening", resolve));
  const { port } = other.address() as AddressInfo;
  const name = setting === "grpcListen" ? "GRPC_LISTEN" : "HTTP_LISTEN";
  await expect(startServer({}, { [setting]: { host: "127.0.0.1", port } })).rejects.toThrow(
    new RegExp(`^${name} 127\\.0\\.0\\.1:${port} is in use by another process$`),
  );
  other.close();
});
