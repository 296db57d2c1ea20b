import { fileURLToPath } from "node:url";
import { startNode } from "../child.ts";
import type { Pins } from "../cpus.ts";

/** A server that stands in userd's place. */
export type BareServer = AsyncDisposable & { readonly pid: number; readonly address: string };

const script = fileURLToPath(new URL("bare-server.ts", import.meta.url));

/** Starts a bare grpc-js server, on the server's core, that answers every call of one RPC with the same bytes. */
export const startBareServer = async (path: string, answer: Uint8Array, pins: Pins): Promise<BareServer> => {
  const child = startNode(script, [], { cpus: pins.server, job: { path, answer: Buffer.from(answer).toString("base64") } });
  return { pid: child.pid, address: await child.nextLine(), [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
};
