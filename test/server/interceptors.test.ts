import { readFileSync } from "node:fs";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import type { Call } from "../../src/call.ts";
import { conflict, DomainError, type ErrorKind, exhausted, invalidField, notFound } from "../../src/errors.ts";
import { BadRequestSchema, RetryInfoSchema } from "../../src/gen/google/rpc/error_details_pb.ts";
import { GetOptionRequestSchema, UserOptionService } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { localCallers } from "../../src/server/callers/callers.ts";
import { createCapacity } from "../../src/server/capacity/capacity.ts";
import { createRefusals } from "../../src/server/capacity/refusals.ts";
import { compile, interceptors } from "../../src/server/interceptors/index.ts";
import { Invocation } from "../../src/server/interceptors/invocation.ts";
import { route } from "../../src/server/route.ts";
import { prepareRpcs } from "../../src/server/rpc.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { clientKinds } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import { defaults, startServer, validRequest } from "./server.ts";

test("the interceptors stand in the order that their reasons give", () => {
  expect(interceptors.map((interceptor) => interceptor.name)).toEqual([
    "telemetry",
    "errors",
    "authenticate",
    "shed",
    "authorize",
    "validate",
  ]);
  // The figure of the way of an RPC has them, too.
  expect(readFileSync("docs/architecture.md", "utf8")).toContain(`interceptors: ${interceptors.map(({ name }) => name).join(" › ")} `);
});

test("a call that is answered at once makes no promise and none of its lazy parts", () => {
  const log = pino({ level: "silent" });
  const getOption = () => ({ found: true });
  const [rpc] = prepareRpcs([route(UserOptionService, { ...defaults, getOption })]);
  if (rpc === undefined) throw new Error("the service has RPCs");
  const asked: string[] = [];
  const metrics = createMetrics().calls;
  const handler = compile(
    { ...rpc, decode: (message) => message as never, encode: (literal) => literal },
    {
      log,
      metrics,
      capacity: createCapacity(2),
      refusals: createRefusals(log, metrics),
      callers: localCallers(),
      explain: () => undefined,
    },
  );
  const transport = {
    header: (_: unknown, name: string) => void asked.push(name) as undefined,
    headers: () => "",
    connection: () => undefined,
    deadline: () => Infinity,
    onCancel: () => expect.fail("a call that is answered at once can't be cancelled"),
  };
  const call = () => handler(new Invocation(rpc, transport, undefined, log), create(GetOptionRequestSchema, validRequest));
  call(); // The first one is slow, and slow ones are logged.
  asked.length = 0;
  const answer = call();
  expect(answer).toEqual({ found: true });
  expect(asked, "headers that were looked at").toEqual(["x-acting-user-id"]);
});

const statuses: Record<ErrorKind, keyof typeof Code> = {
  Invalid: "InvalidArgument",
  NotFound: "NotFound",
  AlreadyExists: "AlreadyExists",
  FailedPrecondition: "FailedPrecondition",
  Conflict: "Aborted",
  OutOfRange: "OutOfRange",
  Forbidden: "PermissionDenied",
  Unauthenticated: "Unauthenticated",
  Exhausted: "ResourceExhausted",
  Unavailable: "Unavailable",
  OutcomeUnknown: "Unknown",
  Unimplemented: "Unimplemented",
  DeadlineExceeded: "DeadlineExceeded",
  Cancelled: "Canceled",
};

describe.for(clientKinds)("through %s", (kind) => {
  test.for(Object.entries(statuses) as [ErrorKind, keyof typeof Code][])("an error of the kind %s is %s", async ([errorKind, code]) => {
    await using server = await startServer({
      getOption: () => {
        throw new DomainError(errorKind, "USER_NOT_FOUND", "A sentence.", { metadata: { hint: "1" } });
      },
    });
    const { error, info } = await expectRefusal(server.clients[kind].options.getOption(validRequest), code, "USER_NOT_FOUND");
    expect(error.rawMessage).toBe("A sentence.");
    expect(info).toMatchObject({ domain: "userd.v1", metadata: { hint: "1" } });
    const retries = error.findDetails(RetryInfoSchema).length;
    // A limit that names no time never lets the same request through.
    expect(retries).toBe(errorKind === "Unavailable" ? 1 : 0);
  });

  test("a call that throws later is refused like one that throws at once", async () => {
    await using server = await startServer({ deleteOption: () => Promise.reject(conflict("ETAG_MISMATCH", "Stale.")) });
    await expectRefusal(server.clients[kind].options.deleteOption(validRequest), "Aborted", "ETAG_MISMATCH");
  });

  test.for([
    ["an error of JavaScript", new TypeError("secret-word")],
    ["an error of a transport", new ConnectError("secret-word", Code.NotFound)],
    ["something that is no error", "secret-word"],
  ] as const)("%s is INTERNAL, with the request id and without its words", async ([, thrown]) => {
    await using server = await startServer({
      getOption: (): never => {
        throw thrown;
      },
    });
    const { error, info } = await expectRefusal(
      server.clients[kind].options.getOption(validRequest, { headers: { "x-request-id": "request-1" } }),
      "Internal",
      "INTERNAL_FAULT",
    );
    expect(info?.metadata).toEqual({ request_id: "request-1" });
    expect(JSON.stringify([error.message, error.details])).not.toContain("secret-word");
    expect(server.logged()).toContainEqual(expect.objectContaining({ level: "error", request_id: "request-1" }));
  });

  test("a field that breaks its rule is named, and its value is not", async () => {
    await using server = await startServer();
    const { error, fields } = await expectRefusal(
      server.clients[kind].options.getOption({ userId: -5n, key: "not a key" }),
      "InvalidArgument",
      "FIELD_INVALID",
    );
    expect(fields).toEqual(["user_id", "key"]);
    expect(error.rawMessage).toBe("user_id: must be greater than 0; key: must match `^[A-Za-z0-9_.:-]{1,64}$`");
  });

  test("an element of a list is named with its index", async () => {
    await using server = await startServer();
    const call = server.clients[kind].options.batchGetOptions({ userIds: [1n, 2n, 0n] });
    expect((await expectRefusal(call, "InvalidArgument", "FIELD_INVALID")).fields).toEqual(["user_ids[2]"]);
  });

  test("a request with a thousand faults names ten of them", async () => {
    await using server = await startServer();
    const call = server.clients[kind].options.batchGetOptions({ userIds: Array<bigint>(1_000).fill(0n) });
    const { error, fields } = await expectRefusal(call, "InvalidArgument", "FIELD_INVALID");
    expect(fields).toHaveLength(10);
    expect(error.rawMessage).toMatch(/; and 990 more$/);
  });

  test.for([
    ["a project and an organization", { userIds: [1n], projectId: 1n, organizationId: 1n }],
    ["a project and projects", { userIds: [1n], projectId: 1n, projectIds: [1n] }],
  ] as const)("%s at once are a conflict of scopes", async ([, request]) => {
    await using server = await startServer();
    const call = server.clients[kind].options.batchGetOptions({ ...request, userIds: [1n] } as never);
    await expectRefusal(call, "InvalidArgument", "OPTION_SCOPE_CONFLICT");
  });

  test("what the operation says of a field reaches the caller", async () => {
    await using server = await startServer({
      getOption: () => {
        throw invalidField("key", "is reserved");
      },
    });
    const { error } = await expectRefusal(server.clients[kind].options.getOption(validRequest), "InvalidArgument", "FIELD_INVALID");
    const [badRequest] = error.findDetails(BadRequestSchema);
    expect(badRequest?.fieldViolations).toMatchObject([{ field: "key", description: "is reserved" }]);
  });

  test("the operation gets the acting user, the request id and the method", async () => {
    const calls: Call[] = [];
    await using server = await startServer({
      getOption: (call) => {
        calls.push(call);
        return {};
      },
    });
    const headers = { "x-acting-user-id": "42", "x-request-id": "id-1" };
    await server.clients[kind].options.getOption(validRequest, { headers });
    expect(calls[0]).toMatchObject({ method: "userd.v1.UserOptionService/GetOption", actingUserId: 42n, requestId: "id-1" });
  });

  test.for(["0", "-1", "x", "1.5", "9223372036854775808"])("an acting user of %s is refused", async (id) => {
    await using server = await startServer();
    const call = server.clients[kind].options.getOption(validRequest, { headers: { "x-acting-user-id": id } });
    const { fields } = await expectRefusal(call, "InvalidArgument", "FIELD_INVALID");
    expect(fields).toEqual(["x-acting-user-id"]);
  });

  test("a read without a deadline of its own ends after a second, and its signal is aborted", async () => {
    const signals: AbortSignal[] = [];
    await using server = await startServer({
      getOption: (call) => {
        signals.push(call.signal);
        return new Promise(() => {});
      },
    });
    const begin = Date.now();
    await expectRefusal(server.clients[kind].options.getOption(validRequest), "DeadlineExceeded", "DEADLINE_PASSED");
    expect(Date.now() - begin).toBeGreaterThan(900);
    expect(Date.now() - begin).toBeLessThan(2_000);
    expect(signals[0]?.aborted).toBe(true);
  });

  test("the client's deadline ends a call that hangs", async () => {
    const ended = Promise.withResolvers<unknown>();
    await using server = await startServer({
      setOption: (call) => {
        call.signal.addEventListener("abort", () => ended.resolve(call.signal.reason));
        return new Promise(() => {});
      },
    });
    const request = { ...validRequest, value: { kind: { case: "boolValue", value: true } } } as const;
    // The first call connects, which can take longer than the deadline on a busy machine.
    await server.clients[kind].options.getOption(validRequest);
    await expect(server.clients[kind].options.setOption(request, { timeoutMs: 300 })).rejects.toThrow();
    // Clients give up at their deadline by themselves, and what the server sees first differs.
    expect(await ended.promise).toMatchObject({ reason: expect.stringMatching(/^(DEADLINE_PASSED|CALL_CANCELLED)$/) });
  });

  test("a call that the client gives up aborts the operation's signal", async () => {
    const begun = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<unknown>();
    await using server = await startServer({
      getOption: (call) => {
        call.signal.addEventListener("abort", () => ended.resolve(call.signal.reason));
        begun.resolve();
        return new Promise(() => {});
      },
    });
    const client = new AbortController();
    const call = server.clients[kind].options.getOption(validRequest, { signal: client.signal });
    call.catch(() => {});
    await begun.promise;
    client.abort();
    expect(await ended.promise).toMatchObject({ reason: "CALL_CANCELLED" });
    await expect.poll(() => server.metrics()).toMatch(/GetOption",code="CANCELLED"} 1/);
  });

  test("a call over the limit is refused at once, and the others are answered", async () => {
    const release = Promise.withResolvers<object>();
    await using server = await startServer({ getOption: () => release.promise }, { maxConcurrentCalls: 2 });
    const { options } = server.clients[kind];
    const taken = [options.getOption(validRequest), options.getOption(validRequest)];
    await expect.poll(() => server.metrics()).toMatch(/userd_calls_in_progress 2/);
    const { error } = await expectRefusal(options.getOption(validRequest), "ResourceExhausted", "OVERLOADED");
    expect(error.findDetails(RetryInfoSchema)).toMatchObject([{ retryDelay: { nanos: 100_000_000 } }]);
    release.resolve({ found: true });
    await Promise.all(taken);
    expect(await options.getOption(validRequest)).toMatchObject({ found: true });
  });

  test("a response over 3 MiB is refused", async () => {
    await using server = await startServer({
      getOption: () => ({ value: { kind: { case: "stringValue", value: "x".repeat(3 * 1024 * 1024) } } }),
    });
    await expectRefusal(server.clients[kind].options.getOption(validRequest), "ResourceExhausted", "RESPONSE_TOO_LARGE");
  });

  test("a request over 1 MiB is refused", async () => {
    await using server = await startServer();
    const value = { kind: { case: "stringValue", value: "x".repeat(1024 * 1024) } } as const;
    const call = server.clients[kind].options.setOption({ ...validRequest, value });
    await expectRefusal(call, "ResourceExhausted", "REQUEST_TOO_LARGE");
  });
});

test("a refusal under load tells gRPC clients when to come back", async () => {
  await using server = await startServer({
    getOption: () => {
      throw exhausted("OVERLOADED", "Full.", { retryAfterMs: 250 });
    },
  });
  const response = await fetch(server.url("/userd.v1.UserOptionService/GetOption"), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"userId":7,"key":"a"}',
  });
  expect(response.headers.get("grpc-retry-pushback-ms")).toBe("250");
});

test("an RPC without a permission, or with an unknown one, keeps the server from starting", () => {
  const unprotected = {
    ...UserOptionService,
    methods: UserOptionService.methods.map((method) => ({ ...method, proto: { ...method.proto, options: undefined } })),
  };
  expect(() => prepareRpcs([{ service: unprotected as never, operations: {} as never }])).toThrow(
    /userd\.v1\.UserOptionService\/GetOption has no \(userd\.v1\.permission\)/,
  );
});

test("what fails and what is slow is logged with its method, id and caller; the rest only at debug level", async () => {
  await using server = await startServer({
    getOption: () => {
      throw notFound("USER_NOT_FOUND", "No such user.");
    },
    listOptions: () => new Promise((resolve) => setTimeout(() => resolve({}), 120)),
  });
  const { options } = server.clients["grpc-js"];
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  await expectRefusal(options.getOption(validRequest, { headers: { traceparent, "x-request-id": "id-1" } }), "NotFound", "USER_NOT_FOUND");
  await options.listOptions({ userId: 7n });
  await options.batchGetOptions({ userIds: [7n] });
  expect(server.logged()).toMatchObject([
    {
      level: "info",
      msg: "call failed",
      method: "userd.v1.UserOptionService/GetOption",
      request_id: "id-1",
      trace_id: "0af7651916cd43dd8448eb211c80319c",
      caller: "local",
      code: "NOT_FOUND",
      reason: "USER_NOT_FOUND",
    },
    { level: "warn", msg: "slow call", method: "userd.v1.UserOptionService/ListOptions" },
  ]);
});

test("every call is counted, with its status, over both listeners", async () => {
  await using server = await startServer();
  for (const kind of clientKinds) {
    await server.clients[kind].options.getOption(validRequest);
    await expectRefusal(server.clients[kind].options.getOption({}), "InvalidArgument", "FIELD_INVALID");
  }
  const metrics = await server.metrics();
  expect(metrics).toContain('userd_calls_total{method="userd.v1.UserOptionService/GetOption",code="OK"} 4');
  expect(metrics).toContain('userd_calls_total{method="userd.v1.UserOptionService/GetOption",code="INVALID_ARGUMENT"} 4');
  expect(metrics).toContain('userd_call_duration_seconds_count{method="userd.v1.UserOptionService/GetOption"} 8');
});
