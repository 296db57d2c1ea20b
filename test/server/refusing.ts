import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Operations } from "../../src/call.ts";
import { exhausted } from "../../src/errors.ts";
import { UserService } from "../../src/gen/userd/v1/user_service_pb.ts";
import { permissions } from "../../src/permissions.ts";
import { route } from "../../src/server/route.ts";
import { temporaryFolder } from "../support/userd.ts";
import { startServer } from "./server.ts";

const sha256 = (token: string) => createHash("sha256").update(token).digest("hex");

/** More messages than the streams of any transport hold back. */
export const messagesBeforeError = 100;

/** Operations that do what the tests of the protocols are about, and nothing else. */
const operations = new Proxy({} as Operations<typeof UserService>, {
  get: (_, name) => {
    if (name === "streamUsers") {
      return async function* () {
        for (let index = 1; index <= messagesBeforeError; index += 1) yield { user: { id: BigInt(index), username: "x".repeat(1_000) } };
        throw exhausted("RESPONSE_TOO_LARGE", "The stream fails behind its messages.");
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

/**
 * A server whose callers are `canary-all`, who may do all, and `canary-none`, who may do nothing; its StreamUsers fails
 * behind its messages, and its ListOptions never answers.
 */
export const startRefusing = async () => {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const tokenFile = join(folder.path, "tokens.json");
  const callers = [
    { name: "all", token_sha256: sha256("canary-all"), permissions },
    { name: "none", token_sha256: sha256("canary-none"), permissions: [] },
  ];
  await writeFile(tokenFile, JSON.stringify({ callers }));
  const listOptions = () => new Promise<object>(() => {});
  const server = stack.use(await startServer({ listOptions }, { tokenFile, routes: [route(UserService, operations)] }));
  const running = stack.move();
  return { ...server, [Symbol.asyncDispose]: () => running.disposeAsync() };
};
