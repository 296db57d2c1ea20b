// A first client of userd: creates a user, sets and reads an option, tells errors apart by their reason, and streams users.
// docs/clients.md says how it is generated and run.
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { ErrorInfoSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.ts";
import { UserOptionService } from "./gen/userd/v1/user_option_service_pb.ts";
import { UserService } from "./gen/userd/v1/user_service_pb.ts";

const EMAIL = "hello@example.com";
const ATTEMPTS = 3;

const address = process.env["USERD_ADDRESS"] ?? "127.0.0.1:50051";
// Each call that has no deadline of its own gets this one; a stream is given none.
const transport = createGrpcTransport({ baseUrl: `http://${address}`, defaultTimeoutMs: 3_000 });
const users = createClient(UserService, transport);
const options = createClient(UserOptionService, transport);

/** What to decide by; undefined when the error is not userd's. */
const reasonOf = (error: unknown): string | undefined => ConnectError.from(error).findDetails(ErrorInfoSchema)[0]?.reason;

/** How long to wait before the same call makes sense, in milliseconds; undefined when it never does. */
const retryAfterMs = (error: unknown): number | undefined => {
  const [retry] = ConnectError.from(error).findDetails(RetryInfoSchema);
  if (retry === undefined) return undefined;
  const { seconds = 0n, nanos = 0 } = retry.retryDelay ?? {};
  return Number(seconds) * 1_000 + nanos / 1e6;
};

/** Runs one RPC, and again when the error says after which time that makes sense. */
const call = async <A>(rpc: () => Promise<A>): Promise<A> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await rpc();
    } catch (error) {
      const wait = retryAfterMs(error);
      if (wait === undefined || attempt === ATTEMPTS) throw error;
      await delay(wait);
    }
  }
};

/** Returns the user, also when the program has run before. */
const createOrFind = async () => {
  // A retry with the same request_id is stored once.
  const request = { user: { email: EMAIL, name: "Ann Example" }, requestId: randomUUID() };
  try {
    return (await call(() => users.createUser(request))).user;
  } catch (error) {
    if (reasonOf(error) !== "USERNAME_TAKEN") throw error;
  }
  const { results } = await call(() => users.lookupUsers({ keys: [{ key: { case: "email", value: EMAIL } }] }));
  return results[0]?.user;
};

const user = await createOrFind();
if (user === undefined) throw new Error("There is neither a new user nor an old one.");
console.log(user.name);

const value = { kind: { case: "stringValue", value: "Europe/Vienna" } } as const;
const { consistencyToken } = await call(() => options.setOption({ userId: user.id, key: "timezone", value }));
// With the token the read sees the write, whatever instance answers it.
const consistency = { mode: { case: "atLeastAsFresh", value: consistencyToken } } as const;
const got = await call(() => options.getOption({ userId: user.id, key: "timezone", consistency }));
console.log(got.value?.kind.value);

try {
  await call(() => options.getOption({ userId: 1n << 60n, key: "timezone" }));
} catch (error) {
  console.log(reasonOf(error));
}

for await (const { user: streamed } of users.streamUsers({ filter: { emails: [EMAIL] } }, { timeoutMs: 0 })) {
  console.log(streamed?.username);
}
