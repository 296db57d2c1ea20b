import { setTimeout as delay } from "node:timers/promises";
import type { DescMessage, DescMethodUnary } from "@bufbuild/protobuf";
import { BytesValueSchema } from "@bufbuild/protobuf/wkt";
import { createClient, type Transport } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { UserService } from "../../src/gen/userd/v1/user_service_pb.ts";
import { TestService } from "../conformance/gen/grpc/testing/test_pb.ts";
import { clientKinds, http2Kinds } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import { messagesBeforeError, startRefusing } from "./refusing.ts";
import { validRequest } from "./server.ts";

const bearing = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
const allowed = bearing("canary-all");

let server: Awaited<ReturnType<typeof startRefusing>>;

beforeAll(async () => {
  server = await startRefusing();
});
afterAll(() => server[Symbol.asyncDispose]());

/** A method that sends something else, or elsewhere, than the generated one. */
const altered = (method: object, change: object): DescMethodUnary =>
  Object.create(method, Object.fromEntries(Object.entries(change).map(([name, value]) => [name, { value }])));

const call = (transport: Transport, method: DescMethodUnary<DescMessage, DescMessage>, message: object) =>
  transport.unary(method, undefined, 10_000, allowed.headers, message as never);

const endless = async function* () {
  for (let index = 1; ; index += 1) {
    yield { user: { username: `user-${index}` } };
    await delay(5);
  }
};

describe.for([...clientKinds, ...http2Kinds])("the contract of every protocol, through %s:", (kind) => {
  test("a read and a write are answered", async () => {
    const { options } = server.clients[kind];
    expect(await options.getOption(validRequest, allowed)).toMatchObject({ found: true, value: { kind: { value: "Europe/Vienna" } } });
    const value = { kind: { case: "stringValue", value: "x".repeat(50_000) } } as const;
    expect(await options.setOption({ ...validRequest, value }, allowed)).toMatchObject({ created: true });
  });

  test("a request that is too large is refused with its reason", async () => {
    const value = { kind: { case: "stringValue", value: "x".repeat(1_100_000) } } as const;
    await expectRefusal(
      server.clients[kind].options.setOption({ ...validRequest, value }, allowed),
      "ResourceExhausted",
      "REQUEST_TOO_LARGE",
    );
  });

  test("a stream of requests is refused while it goes on: no permission, no token, a message that breaks a rule", async () => {
    const { users } = server.clients[kind];
    await expectRefusal(users.importUsers(endless(), bearing("canary-none")), "PermissionDenied", "PERMISSION_REQUIRED");
    await expectRefusal(users.importUsers(endless()), "Unauthenticated", "CREDENTIALS_REQUIRED");
    const broken = (async function* () {
      yield {};
      yield* endless();
    })();
    await expectRefusal(users.importUsers(broken, allowed), "InvalidArgument", "FIELD_INVALID");
  });

  test("an unknown method and an unknown service are unimplemented", async () => {
    const transport = server.transports[kind];
    // On the gRPC port grpc-js answers, without a reason.
    const reason = kind === "grpc-js" || kind === "Connect gRPC" ? undefined : "METHOD_NOT_FOUND";
    const nope = altered(UserService.method.getUser, { name: "Nope" });
    await expectRefusal(call(transport, nope, { id: 1n }), "Unimplemented", reason);
    await expectRefusal(createClient(TestService, transport).emptyCall({}), "Unimplemented", reason);
    // Of a stream that gets 404 a client of Connect reads no body.
    const ofStream = kind.startsWith("Connect") ? undefined : reason;
    await expectRefusal(createClient(TestService, transport).streamingInputCall(endlessly()), "Unimplemented", ofStream);
  });

  test("a malformed message is an invalid argument", async () => {
    // Bytes where CreateUser has a message; in JSON, a string where it has an object.
    const malformed = altered(UserService.method.createUser, { input: BytesValueSchema });
    const value = Uint8Array.from([255, 255, 255]);
    await expectRefusal(call(server.transports[kind], malformed, { value }), "InvalidArgument", "FIELD_INVALID");
  });

  test("a stream that fails sends what it has yielded, then its error", async () => {
    const received: bigint[] = [];
    const reading = (async () => {
      for await (const message of server.clients[kind].users.streamUsers({}, allowed)) received.push(message.user?.id ?? 0n);
    })();
    await expectRefusal(reading, "ResourceExhausted", "RESPONSE_TOO_LARGE");
    expect(received).toEqual(Array.from({ length: messagesBeforeError }, (_, index) => BigInt(index + 1)));
  });
});

async function* endlessly() {
  for (;;) {
    yield {};
    await delay(5);
  }
}
