import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { DescMessage, DescMethodUnary } from "@bufbuild/protobuf";
import { BytesValueSchema } from "@bufbuild/protobuf/wkt";
import { createClient, type Transport } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Operations } from "../../src/call.ts";
import { failedPrecondition } from "../../src/errors.ts";
import { UserService } from "../../src/gen/userd/v1/user_service_pb.ts";
import { permissions } from "../../src/permissions.ts";
import { route } from "../../src/server/route.ts";
import { TestService } from "../conformance/gen/grpc/testing/test_pb.ts";
import { clientKinds, http2Kinds } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import { temporaryFolder } from "../support/userd.ts";
import { startServer, validRequest } from "./server.ts";

/** More than the streams of any transport hold back. */
const MESSAGES = 100;

const user = (index: number) => ({ user: { id: BigInt(index), username: "x".repeat(1_000) } });

/** Operations that do what the tests are about, and nothing else. */
const operations = new Proxy({} as Operations<typeof UserService>, {
  get: (_, name) => {
    if (name === "streamUsers") {
      return async function* () {
        for (let index = 1; index <= MESSAGES; index += 1) yield user(index);
        throw failedPrecondition("ETAG_MISMATCH", "The stream fails behind its messages.");
      };
    }
    if (name === "importUsers") {
      return async (_call: unknown, requests: AsyncIterable<unknown>) => {
        for await (const _request of requests);
        return {};
      };
    }
    return () => ({});
  },
});

const sha256 = (token: string) => createHash("sha256").update(token).digest("hex");
const bearing = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
const allowed = bearing("canary-all");

let server: Awaited<ReturnType<typeof startServer>>;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeAll(async () => {
  folder = await temporaryFolder();
  const tokenFile = join(folder.path, "tokens.json");
  const callers = [
    { name: "all", token_sha256: sha256("canary-all"), permissions },
    { name: "none", token_sha256: sha256("canary-none"), permissions: [] },
  ];
  await writeFile(tokenFile, JSON.stringify({ callers }));
  server = await startServer({}, { tokenFile, routes: [route(UserService, operations)] });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

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
    await expectRefusal(reading, "FailedPrecondition", "ETAG_MISMATCH");
    expect(received).toEqual(Array.from({ length: MESSAGES }, (_, index) => BigInt(index + 1)));
  });
});

async function* endlessly() {
  for (;;) {
    yield {};
    await delay(5);
  }
}
