import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startNode } from "../../bench/child.ts";
import { startFlags } from "../../bench/start-flags.ts";
import { temporaryFolder } from "../support/userd.ts";
import { type Recorded, recordInto, takeRecorded } from "./work.ts";

/** A server that stands in the place of the service, and records its work. */
export type BareServer = AsyncDisposable & { readonly address: string; readonly recorded: () => Promise<Recorded> };

/** Starts a bare grpc-js server that answers an RPC with as many bytes as an option takes: what a neighbour of a greedy caller sees when nobody cares. */
export const startBare = async (path: string): Promise<BareServer> => {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const file = join(folder.path, "work.json");
  const { flag, settings } = recordInto(file);
  const script = fileURLToPath(new URL("../../bench/yardsticks/bare-server.ts", import.meta.url));
  const server = stack.use(
    startNode(script, [], {
      cpus: undefined,
      nodeFlags: [...startFlags, flag],
      env: { ...settings, GLIBC_TUNABLES: "glibc.malloc.mxfast=0" },
      job: { path, answer: Buffer.alloc(64).toString("base64") },
    }),
  );
  const address = await server.nextLine();
  const running = stack.move();
  return { address, recorded: () => takeRecorded(server.pid, file), [Symbol.asyncDispose]: () => running.disposeAsync() };
};
