import type { Server as Http1Server } from "node:http";
import type { Http2Server } from "node:http2";
import type { Socket } from "node:net";

/** The beginning of the HTTP/2 preface, which no request of HTTP/1.1 begins with. */
const preface = Buffer.from("PRI * HTTP/2");

/** The time in which a connection has to send its first bytes, in milliseconds. */
const patienceMs = 10_000;

/** The connections that have not sent enough yet to tell HTTP/1.1 from HTTP/2. */
export type Undecided = { readonly destroyAll: () => void };

/**
 * Serves HTTP/1.1 and HTTP/2 without TLS on one port; the first bytes of a connection show its protocol. `http1` is the server that listens;
 * HTTP/2 connections are handed to `http2`.
 */
export const splitProtocols = (http1: Http1Server, http2: Http2Server): Undecided => {
  const serveHttp1 = http1.listeners("connection");
  http1.removeAllListeners("connection");
  const undecided = new Set<Socket>();

  http1.on("connection", (socket: Socket) => {
    undecided.add(socket);
    const timer = setTimeout(() => socket.destroy(), patienceMs);
    let first: Buffer = Buffer.alloc(0);
    const decide = () => {
      const chunk: Buffer | null = socket.read();
      if (chunk === null) return;
      first = Buffer.concat([first, chunk]);
      const compared = Math.min(first.length, preface.length);
      const mayBeHttp2 = preface.subarray(0, compared).equals(first.subarray(0, compared));
      if (mayBeHttp2 && first.length < preface.length) return;
      leave();
      // Only now: bytes that are put back make the socket readable again.
      socket.unshift(first);
      if (mayBeHttp2) http2.emit("connection", socket);
      else for (const serve of serveHttp1) serve.call(http1, socket);
    };
    const leave = () => {
      clearTimeout(timer);
      undecided.delete(socket);
      socket.off("readable", decide);
      socket.off("close", leave);
    };
    socket.on("readable", decide);
    socket.on("close", leave);
  });

  return {
    destroyAll: () => {
      for (const socket of undecided) socket.destroy();
    },
  };
};
