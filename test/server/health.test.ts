import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { Code, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { describe, expect, test } from "vitest";
import { Health, HealthCheckResponse_ServingStatus as Serving } from "../../src/gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../../src/gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "../../src/gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { clientKinds } from "../support/clients.ts";
import { post, startServer, validRequest } from "./server.ts";

type Server = Awaited<ReturnType<typeof startServer>>;

const transportTo = (server: Server) => createGrpcTransport({ baseUrl: `http://${formatAddress(server.grpcAddress)}` });
const healthOf = (server: Server) => createClient(Health, transportTo(server));

describe("health", () => {
  test("tells of the server and of each service whether it serves", async () => {
    const state = { ready: true };
    await using server = await startServer({}, { ready: () => state.ready });
    const health = healthOf(server);
    for (const service of ["", "userd.v1.UserOptionService"]) {
      expect(await health.check({ service })).toMatchObject({ status: Serving.SERVING });
    }
    state.ready = false;
    await expect.poll(() => health.check({}), { timeout: 15_000 }).toMatchObject({ status: Serving.NOT_SERVING });
    expect((await health.list({})).statuses).toHaveProperty(["userd.v1.UserOptionService", "status"], Serving.NOT_SERVING);
  });

  test("knows no other service", async () => {
    await using server = await startServer();
    await expect(healthOf(server).check({ service: "nope" })).rejects.toMatchObject({ code: Code.NotFound });
  });

  test("is watched: each change is told, and a service that is unknown too", async () => {
    const state = { ready: true };
    await using server = await startServer({}, { ready: () => state.ready });
    const seen: Serving[] = [];
    const client = new AbortController();
    const watching = (async () => {
      for await (const { status } of healthOf(server).watch({}, { signal: client.signal })) {
        seen.push(status);
        state.ready = false;
        if (seen.length === 2) client.abort();
      }
    })().catch(() => {});
    for await (const { status } of healthOf(server).watch({ service: "nope" })) {
      expect(status).toBe(Serving.SERVICE_UNKNOWN);
      break;
    }
    await watching;
    expect(seen).toEqual([Serving.SERVING, Serving.NOT_SERVING]);
  });

  test("answers without credentials and when the server is full", async () => {
    await using server = await startServer({ getOption: () => new Promise(() => {}) }, { maxConcurrentCalls: 1 });
    const taken = server.clients["grpc-js"].options.getOption(validRequest).catch(() => {});
    await expect.poll(() => server.metrics()).toMatch(/userd_calls_in_progress 1/);
    expect(await healthOf(server).check({})).toMatchObject({ status: Serving.SERVING });
    await taken;
  });
});

describe("reflection", () => {
  test.for([
    ["v1", ServerReflection],
    ["v1alpha", ServerReflectionAlpha],
  ] as const)("%s lists the services and gives every file that they import", async ([, service]) => {
    await using server = await startServer();
    const client = createClient(service as typeof ServerReflection, transportTo(server));
    const ask = async (...requests: object[]) => {
      const answers = [];
      for await (const answer of client.serverReflectionInfo(
        (async function* () {
          yield* requests as never[];
        })(),
      ))
        answers.push(answer.messageResponse);
      return answers;
    };
    const [listed] = await ask({ messageRequest: { case: "listServices", value: "" } });
    expect(listed?.value).toMatchObject({
      service: expect.arrayContaining([
        expect.objectContaining({ name: "userd.v1.UserOptionService" }),
        expect.objectContaining({ name: "grpc.health.v1.Health" }),
      ]),
    });
    const names = [
      "userd/v1/user_option_service.proto",
      "buf/validate/validate.proto",
      "google/protobuf/struct.proto",
      "google/protobuf/descriptor.proto",
    ];
    const files = await ask(...names.map((value) => ({ messageRequest: { case: "fileByFilename", value } })));
    expect(files.map((answer) => answer.case)).toEqual(names.map(() => "fileDescriptorResponse"));
    const symbols = ["userd.v1.GetOptionRequest", "userd.v1.UserOptionService.GetOption", "google.protobuf.Value", "userd.v1.permission"];
    const found = await ask(...symbols.map((value) => ({ messageRequest: { case: "fileContainingSymbol", value } })));
    expect(found.map((answer) => answer.case)).toEqual(symbols.map(() => "fileDescriptorResponse"));
    const [extension, numbers, unknown] = await ask(
      {
        messageRequest: {
          case: "fileContainingExtension",
          value: { containingType: "google.protobuf.MethodOptions", extensionNumber: 51001 },
        },
      },
      { messageRequest: { case: "allExtensionNumbersOfType", value: "google.protobuf.MethodOptions" } },
      { messageRequest: { case: "fileContainingSymbol", value: "userd.v1.Nope" } },
    );
    expect(extension?.case).toBe("fileDescriptorResponse");
    expect(numbers?.value).toMatchObject({ extensionNumber: expect.arrayContaining([51001, 51002]) });
    expect(unknown?.value).toMatchObject({ errorCode: Code.NotFound });
  });

  const grpcurl = [join(homedir(), "go/bin/grpcurl"), "/usr/local/bin/grpcurl"].find((path) => existsSync(path));

  test.skipIf(grpcurl === undefined)("grpcurl lists, describes and calls with no proto at hand", async () => {
    await using server = await startServer();
    const run = async (...words: string[]) => (await promisify(execFile)(grpcurl ?? "", ["-plaintext", ...words])).stdout;
    const address = formatAddress(server.grpcAddress);
    expect(await run(address, "list")).toContain("userd.v1.UserOptionService\n");
    expect(await run(address, "describe", "userd.v1.UserOptionService.GetOption")).toContain("userd.v1.GetOptionResponse");
    expect(await run(address, "describe", "userd.v1.SetOptionRequest")).toContain("google.protobuf.Value value = 3");
    const answer = await run("-d", '{"user_id":7,"key":"timezone"}', address, "userd.v1.UserOptionService/GetOption");
    expect(JSON.parse(answer)).toEqual({ value: "Europe/Vienna", found: true });
  });
});

describe("a drain", () => {
  test("says so first, answers meanwhile, and lets what is in progress finish", async () => {
    const release = Promise.withResolvers<object>();
    const server = await startServer({ getOption: () => release.promise }, { drainSeconds: 1 });
    const health = healthOf(server);
    const seen: Serving[] = [];
    const watching = (async () => {
      for await (const { status } of health.watch({})) seen.push(status);
    })().catch(() => {});
    await expect.poll(() => seen).toEqual([Serving.SERVING]);
    const inProgress = clientKinds.map((kind) => server.clients[kind].options.getOption(validRequest, { timeoutMs: 10_000 }));
    await expect.poll(() => server.metrics()).toMatch(/userd_calls_in_progress 4/);

    const drained = server.drain();
    await expect.poll(() => seen).toEqual([Serving.SERVING, Serving.NOT_SERVING]);
    expect((await fetch(server.url("/readyz"))).status).toBe(503);
    expect((await fetch(server.url("/healthz"))).status).toBe(200);
    expect(await server.clients["Connect JSON"].options.listOptions({ userId: 7n })).toBeDefined();

    await delay(1_200);
    release.resolve({ found: true });
    expect(await Promise.all(inProgress)).toMatchObject(clientKinds.map(() => ({ found: true })));
    await drained;
    await watching;
    await expect(fetch(server.url("/healthz"))).rejects.toThrow();
    await server[Symbol.asyncDispose]();
  });

  test("refuses new calls on open connections in its last phase", async () => {
    const release = Promise.withResolvers<object>();
    const server = await startServer({ getOption: () => release.promise });
    const { options } = server.clients["Connect JSON"];
    const inProgress = options.getOption(validRequest);
    await expect.poll(() => server.metrics()).toMatch(/userd_calls_in_progress 1/);
    const session = post(server, "ListOptions", '{"userId":7}');
    await session;
    const drained = server.drain();
    await delay(20);
    const late = server.clients["grpc-js"].options.listOptions({ userId: 7n }, { timeoutMs: 500 });
    await expect(late).rejects.toMatchObject({ code: expect.toBeOneOf([Code.Unavailable, Code.DeadlineExceeded]) });
    release.resolve({});
    await inProgress;
    await drained;
    await server[Symbol.asyncDispose]();
  });

  test("a second one waits for the first", async () => {
    const server = await startServer();
    await Promise.all([server.drain(), server.drain()]);
    await server[Symbol.asyncDispose]();
  });
});

test("calls after the capacity has closed are told to go elsewhere", async () => {
  const { createCapacity } = await import("../../src/server/capacity/capacity.ts");
  const { shed } = await import("../../src/server/interceptors/shed.ts");
  const capacity = createCapacity(1);
  capacity.close();
  const handler = shed({} as never, { capacity } as never)(() => expect.fail("no call passes"));
  expect(() => handler({ caller: { name: "a" }, header: () => undefined } as never, undefined)).toThrow(
    expect.objectContaining({ code: 14, reason: "SHUTTING_DOWN" }),
  );
});
