import { fileURLToPath } from "node:url";
import { startNode } from "../child.ts";
import type { Pins } from "../cpus.ts";
import { startFlags } from "../start-flags.ts";

/** The core of the server alone. */
type ServerPin = Pick<Pins, "server">;

/** A server that stands in userd's place. */
export type BareServer = AsyncDisposable & { readonly pid: number; readonly address: string };

/** Starts a bare server, on the server's core, that answers every call of one RPC with the same bytes. */
export type StartBareServer = (path: string, answer: Uint8Array, pins: ServerPin, tls?: Pem) => Promise<BareServer>;

/** A certificate and its key, in PEM. */
type Pem = { readonly cert: string; readonly key: string };

const start = async (file: string, job: object, pins: ServerPin): Promise<BareServer> => {
  const script = fileURLToPath(new URL(file, import.meta.url));
  const child = startNode(script, [], { cpus: pins.server, nodeFlags: startFlags, job });
  return { pid: child.pid, address: await child.nextLine(), [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
};

const starterOf =
  (file: string): StartBareServer =>
  (path, answer, pins, tls) =>
    start(file, { path, answer: Buffer.from(answer).toString("base64"), tls }, pins);

/** grpc-js, without anything around it. */
export const startBareServer = starterOf("bare-server.ts");

/** node:http2 alone: what no server on this platform passes, whatever library it uses. */
export const startBareHttp2Server = starterOf("bare-http2-server.ts");

/** The status with which every call of an RPC is refused. */
type Refusal = { readonly code: number; readonly details: string; readonly trailers: Readonly<Record<string, string>> };

/** Starts grpc-js, on the server's core, without anything around it, refusing every call of one RPC by trailers alone. */
export const startRefusingServer = (path: string, refusal: Refusal, pins: ServerPin): Promise<BareServer> =>
  start("bare-server.ts", { path, refusal }, pins);
