import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import type { ListenAddress } from "../../src/settings.ts";

/** A balancer of connections in front of services: each goes to the next service that is there. */
export type Balancer = AsyncDisposable & {
  readonly address: string;
  /** Ends all connections with a reset. */
  readonly cut: () => void;
  /** Holds all bytes back; false lets them pass, all of them, late. */
  readonly stall: (on: boolean) => void;
};

/** Connects to the first address that answers, beginning with one of them; undefined when nobody does. */
const reach = async (addresses: readonly ListenAddress[], first: number): Promise<Socket | undefined> => {
  for (let index = 0; index < addresses.length; index += 1) {
    const socket = connect({
      ...addresses[(first + index) % addresses.length],
      port: addresses[(first + index) % addresses.length]?.port ?? 0,
      noDelay: true,
    });
    try {
      await once(socket, "connect");
      return socket;
    } catch {
      socket.destroy();
    }
  }
  return undefined;
};

/** Starts a balancer. */
export const startBalancer = async (addresses: readonly ListenAddress[]): Promise<Balancer> => {
  const sockets = new Set<Socket>();
  let accepted = 0;
  let isStalled = false;
  const add = (socket: Socket, other: Socket): void => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => {
      sockets.delete(socket);
      other.destroy();
    });
    socket.pipe(other);
    if (isStalled) socket.pause();
  };
  const server = createServer({ noDelay: true, pauseOnConnect: true }, (client) => {
    accepted += 1;
    client.on("error", () => {});
    void reach(addresses, accepted).then((service) => {
      if (service === undefined) return client.resetAndDestroy();
      add(client, service);
      add(service, client);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    address: `127.0.0.1:${port}`,
    cut,
    stall: (on) => {
      isStalled = on;
      for (const socket of sockets) {
        if (on) socket.pause();
        else socket.resume();
      }
    },
    [Symbol.asyncDispose]: async () => {
      server.close();
      cut();
    },
  };
};
