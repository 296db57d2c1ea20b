import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { Tls } from "./tls.ts";

/**
 * Makes a server that takes connections and, with TLS, secures them. Its event `connection` has the sockets of the network, in the moment in
 * which they are taken; `accept` gets those on which the protocol is spoken: without TLS the same ones, with TLS those whose handshake is
 * complete.
 */
export const createFront = (tls: Tls | undefined, protocol: string, accept: (socket: Socket) => void): Server => {
  if (tls === undefined) return createServer({ noDelay: true }, accept);
  const server = createTlsServer({ ...tls.optionsFor([protocol]), noDelay: true });
  tls.secure(server, accept);
  return server;
};
