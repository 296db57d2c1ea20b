import { once } from "node:events";
import { connect } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { describe, expect, test } from "vitest";
import { Health } from "../../src/gen/grpc/health/v1/health_pb.ts";
import { ServerReflection, ServerReflectionRequestSchema } from "../../src/gen/grpc/reflection/v1/reflection_pb.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { exchangeHttp2, framed } from "./raw-http2.ts";
import { startRefusing } from "./refusing.ts";
import { startServer } from "./server.ts";

type Server = Awaited<ReturnType<typeof startServer>>;

const grpcUrl = (server: Server) => `http://${formatAddress(server.grpcAddress)}`;
const healthOf = (server: Server) => createClient(Health, createGrpcTransport({ baseUrl: grpcUrl(server) }));

const reflect = async (server: Server, headers: Record<string, string> = {}, value = "userd.v1.UserOptionService") => {
  const client = createClient(ServerReflection, createGrpcTransport({ baseUrl: grpcUrl(server) }));
  const requests = (async function* () {
    yield { messageRequest: { case: "fileContainingSymbol", value } as const };
  })();
  for await (const { messageResponse } of client.serverReflectionInfo(requests, { headers })) return messageResponse.case;
  return undefined;
};

describe("health and metrics", () => {
  test("ask the application once a second, however many ask", async () => {
    let asked = 0;
    const ready = () => {
      asked += 1;
      return true;
    };
    await using server = await startServer({}, { ready });
    for (let time = 0; time < 50; time += 1) {
      await healthOf(server).check({});
      await fetch(server.url("/readyz"));
    }
    expect(asked).toBeLessThan(50);
    const pages = await Promise.all(Array.from({ length: 20 }, async () => (await fetch(server.url("/metrics"))).text()));
    expect(new Set(pages).size).toBe(1);
  });

  test("one connection watches at most ten times", async () => {
    await using server = await startServer();
    const session = connect(grpcUrl(server));
    const headers = { ":method": "POST", ":path": "/grpc.health.v1.Health/Watch", "content-type": "application/grpc", te: "trailers" };
    const watch = async () => {
      const stream = session.request(headers);
      stream.end(framed(Buffer.alloc(0)));
      const [answer] = await once(stream, "response");
      return { stream, status: answer["grpc-status"] as string | undefined };
    };
    const streams = [];
    for (let time = 0; time < 10; time += 1) streams.push(await watch());
    expect(streams.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => undefined));
    expect((await watch()).status).toBe(String(Code.ResourceExhausted));
    streams[0]?.stream.close();
    await expect.poll(async () => (await watch()).status).toBeUndefined();
    session.destroy();
  });

  test("take no message that is larger than one of theirs", async () => {
    await using server = await startServer();
    const headers = { ":path": "/grpc.health.v1.Health/Check", "content-type": "application/grpc", te: "trailers" };
    const answer = await exchangeHttp2(grpcUrl(server), { headers, chunks: [framed(Buffer.alloc(5_000))] });
    expect(answer.headers["grpc-status"]).toBe(String(Code.ResourceExhausted));
  });

  test("have a port of their own with ADMIN_LISTEN, and metrics only there", async () => {
    await using server = await startServer({}, { adminListen: { host: "127.0.0.1", port: 0 } });
    const admin = `http://${formatAddress(server.adminAddress ?? { host: "", port: 0 })}`;
    for (const page of ["/healthz", "/readyz", "/metrics"]) expect((await fetch(admin + page)).status, page).toBe(200);
    expect((await fetch(`${admin}/userd.v1.UserOptionService/GetOption`, { method: "POST", body: "{}" })).status).toBe(404);
    expect((await fetch(server.url("/metrics"))).status).toBe(404);
    expect((await fetch(server.url("/readyz"))).status).toBe(200);
    const drained = server.drain();
    await drained;
    await expect(fetch(`${admin}/healthz`)).rejects.toThrow();
  });
});

describe("reflection", () => {
  test("is for callers where there are any", async () => {
    await using server = await startRefusing();
    await expect(reflect(server)).rejects.toMatchObject({ code: Code.Unauthenticated });
    expect(await reflect(server, { authorization: "Bearer canary-none" })).toBe("fileDescriptorResponse");
  });

  test("is for everybody, or nobody, by its setting", async () => {
    await using everybody = await startServer({}, { reflection: "public" });
    expect(await reflect(everybody)).toBe("fileDescriptorResponse");
    await using nobody = await startServer({}, { reflection: "off" });
    await expect(reflect(nobody)).rejects.toMatchObject({ code: Code.Unimplemented });
  });

  test("takes no long names, and few streams at once", async () => {
    await using server = await startServer();
    await expect(reflect(server, {}, "a".repeat(2_000))).rejects.toMatchObject({ code: Code.ResourceExhausted });
    const session = connect(grpcUrl(server));
    const path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    const request = create(ServerReflectionRequestSchema, { messageRequest: { case: "listServices", value: "" } });
    const bytes = framed(toBinary(ServerReflectionRequestSchema, request));
    const streams = await Promise.all(
      Array.from({ length: 16 }, async () => {
        const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" });
        stream.write(bytes);
        await once(stream, "response");
        return stream;
      }),
    );
    await expect(reflect(server)).rejects.toMatchObject({ code: Code.ResourceExhausted });
    for (const stream of streams) stream.close();
    await expect.poll(() => reflect(server).catch(() => undefined)).toBe("fileDescriptorResponse");
    session.destroy();
  });
});
