import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** What to do with a connection when a chunk of a client passes: see `cut`. */
export type Cut = {
  /** Picks the chunk. Each connection has an object of its own. */
  readonly when: (fromClient: Buffer, connection: object) => boolean;
  /** `before`: the server never sees the chunk. `after`: it does, and its answer is lost. */
  readonly moment: "before" | "after";
};

/** A TCP proxy that can be told to fail. */
export type TcpProxy = AsyncDisposable & {
  readonly port: number;
  /** The same URL, through the proxy. */
  readonly through: (url: string) => string;
  /** Ends all connections with a reset. */
  readonly reset: () => void;
  /** Nobody listens any more, and all connections are reset. */
  readonly stop: () => Promise<void>;
  /** Listens again, on the same port. */
  readonly start: () => Promise<void>;
  /** Swallows all bytes from now on, of new connections too, without closing anything; false ends it. */
  readonly hang: (on: boolean) => void;
  /** Holds each chunk of the server back for so many milliseconds. */
  readonly delay: (milliseconds: number) => void;
  /** Resets the next connection that sends such a chunk; resolves when it has. */
  readonly cut: (cut: Cut) => Promise<void>;
  /** The number of connections that are open. */
  readonly connections: () => number;
};

type Pair = {
  readonly client: Socket;
  readonly upstream: Socket;
  /** The chunks of the server that are held back, the oldest first. */
  readonly late: { readonly chunk: Buffer; readonly due: number }[];
};

/** Starts a proxy in front of a TCP server. */
export const startTcpProxy = async (target: { readonly host: string; readonly port: number }): Promise<TcpProxy> => {
  const pairs = new Set<Pair>();
  let hanging = false;
  let delayMs = 0;
  let pending: { cut: Cut; done: () => void } | undefined;

  const resetPair = (pair: Pair): void => {
    pairs.delete(pair);
    pair.client.resetAndDestroy();
    pair.upstream.destroy();
  };

  const fromClient = (pair: Pair, chunk: Buffer): void => {
    if (hanging) return;
    const { cut, done } = pending ?? {};
    if (!cut?.when(chunk, pair)) {
      pair.upstream.write(chunk);
      return;
    }
    pending = undefined;
    const finish = () => {
      resetPair(pair);
      done?.();
    };
    if (cut.moment === "after") {
      // A client that is killed meanwhile does not take along what it has sent, nor the answer that is waited for.
      pair.client.removeAllListeners("close");
      pair.upstream.removeAllListeners("data").once("data", finish);
      pair.upstream.write(chunk);
    } else finish();
  };

  const writeLate = ({ client, late }: Pair): void => {
    const oldest = late.shift();
    if (oldest) client.write(oldest.chunk);
  };

  const fromServer = (pair: Pair, chunk: Buffer): void => {
    if (hanging) return;
    if (delayMs === 0 && pair.late.length === 0) {
      pair.client.write(chunk);
      return;
    }
    // None overtakes those before it, also when the delay has become shorter: the bytes of a connection stay in their order.
    const due = Math.max(performance.now() + delayMs, pair.late.at(-1)?.due ?? 0);
    pair.late.push({ chunk, due });
    setTimeout(() => writeLate(pair), due - performance.now());
  };

  const server = createServer({ noDelay: true }, (client) => {
    const pair: Pair = { client, upstream: connect({ ...target, noDelay: true }), late: [] };
    pairs.add(pair);
    client.on("data", (chunk: Buffer) => fromClient(pair, chunk));
    pair.upstream.on("data", (chunk: Buffer) => fromServer(pair, chunk));
    for (const [socket, other] of [
      [client, pair.upstream],
      [pair.upstream, client],
    ] as const) {
      socket.on("error", () => {});
      socket.on("close", () => {
        pairs.delete(pair);
        other.destroy();
      });
    }
  });

  const listen = async (port: number): Promise<void> => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  };
  await listen(0);
  const { port } = server.address() as { port: number };

  const reset = (): void => {
    for (const pair of pairs) resetPair(pair);
  };
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    reset();
    await closed;
  };
  return {
    port,
    through: (url) => {
      const proxied = new URL(url);
      proxied.host = `127.0.0.1:${port}`;
      return proxied.href;
    },
    reset,
    stop,
    start: () => listen(port),
    hang: (on) => {
      hanging = on;
    },
    delay: (milliseconds) => {
      delayMs = milliseconds;
    },
    cut: (cut) =>
      new Promise((resolve) => {
        pending = { cut, done: resolve };
      }),
    connections: () => pairs.size,
    [Symbol.asyncDispose]: stop,
  };
};

/** A proxy in front of the PostgreSQL that a URL names. */
export const startDatabaseProxy = (url: string): Promise<TcpProxy> => {
  const { hostname, port } = new URL(url);
  return startTcpProxy({ host: hostname, port: Number(port || 5432) });
};
