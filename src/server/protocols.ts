import type { Server as Http1Server } from "node:http";
import type { Http2Server } from "node:http2";
import type { Server as HttpsServer } from "node:https";
import type { Socket } from "node:net";
import type { Tls } from "./tls.ts";

/** The beginning of the HTTP/2 preface, which no request of HTTP/1.1 begins with. */
const preface = Buffer.from("PRI * HTTP/2");

/** The time in which a connection has to send its first bytes, in milliseconds. */
const patienceMs = 5_000;

/** The connections that have not sent enough yet to tell HTTP/1.1 from HTTP/2. */
export type Undecided = { readonly destroyAll: () => void };

/** Serves both protocols with TLS: the client has said in its handshake which one it speaks. One that does not say so speaks HTTP/1.1. */
const splitByHandshake = (http1: HttpsServer, http2: Http2Server, tls: Tls): void => {
  const serveHttp1 = http1.listeners("secureConnection");
  tls.secure(http1, (socket) => {
    if (socket.alpnProtocol === "h2") http2.emit("connection", socket);
    else for (const serve of serveHttp1) serve.call(http1, socket);
  });
};

/** Serves both protocols without TLS: the first bytes of a connection show its protocol. */
const splitByPreface = (http1: Http1Server, http2: Http2Server): Undecided => {
  const serveHttp1 = http1.listeners("connection");
  http1.removeAllListeners("connection");
  const undecided = new Set<Socket>();

  http1.on("connection", (socket: Socket) => {
    // There was no room for it.
    if (socket.destroyed) return;
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

/** Serves HTTP/1.1 and HTTP/2 on one port. `http1` is the server that listens; HTTP/2 connections are handed to `http2`. */
export const splitProtocols = (http1: Http1Server | HttpsServer, http2: Http2Server, tls: Tls | undefined): Undecided => {
  if (tls === undefined) return splitByPreface(http1 as Http1Server, http2);
  splitByHandshake(http1 as HttpsServer, http2, tls);
  return { destroyAll: () => {} };
};
