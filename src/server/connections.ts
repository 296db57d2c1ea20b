import { constants, type Http2Session } from "node:http2";
import type { Server, Socket } from "node:net";
import { type Networks, networkOf } from "../networks.ts";

/** The limits on the connections of one port. */
export type ConnectionLimits = {
  readonly max: number;
  /** The most connections from one address, or from one /64 of IPv6. */
  readonly maxPerAddress: number;
  /** Addresses from which any number may come: proxies that pass on the calls of many. */
  readonly exempt: Networks;
  /** Is told that a connection was ended since it flooded. */
  readonly flooded?: () => void;
};

/** The time in which a connection has to complete TLS and the beginning of its protocol, in milliseconds. */
const silenceMs = 5_000;

/** The time for which no connection is taken from where a flood has come from, in milliseconds. */
const punishmentMs = 5_000;

const sweepMs = 500;

/** The connections of one port. */
export type Connections = {
  /** Tells that a connection has completed the beginning of its protocol: it may be idle from now on. */
  readonly spoke: (connection: Socket | Http2Session) => void;
  /** Tells that a call over a connection was admitted: no stranger can push the connection out. */
  readonly vouch: (connection: Socket | Http2Session) => void;
  /** Tells whether a call over a connection was admitted. */
  readonly isVouched: (connection: Socket | Http2Session) => boolean;
  /**
   * Ends a connection that floods. If no call over it was admitted and its address is not exempt, its network gets no other one for 5 s, and loses
   * those that are not vouched for either.
   */
  readonly punish: (session: Http2Session, address: string) => void;
  readonly destroyAll: () => void;
};

type Entry = { readonly socket: Socket; readonly network: string; readonly since: number };

/** The name of a connection on its port; TLS gives a connection a second socket, which has the same. */
const nameOf = ({ remoteAddress, remotePort }: Pick<Socket, "remoteAddress" | "remotePort">): string => `${remoteAddress} ${remotePort}`;

/** The connections, by class. Each has those that came first first. */
const createTable = () => {
  const silent = new Map<string, Entry>();
  /** Those that have begun to speak, and of which no call was admitted yet. */
  const strange = new Map<string, Entry>();
  const vouched = new Map<string, Entry>();
  const perNetwork = new Map<string, number>();
  const all = [silent, strange, vouched] as const;
  return {
    silent,
    size: () => silent.size + strange.size + vouched.size,
    countOf: (network: string) => perNetwork.get(network) ?? 0,
    add: (name: string, entry: Entry) => {
      silent.set(name, entry);
      perNetwork.set(entry.network, (perNetwork.get(entry.network) ?? 0) + 1);
    },
    move: (name: string, to: "strange" | "vouched") => {
      const from = to === "strange" ? silent : silent.has(name) ? silent : strange;
      const entry = from.get(name);
      if (entry === undefined) return;
      from.delete(name);
      (to === "strange" ? strange : vouched).set(name, entry);
    },
    remove: (name: string, entry: Entry) => {
      const held = all.find((some) => some.get(name) === entry);
      if (held === undefined) return;
      held.delete(name);
      const left = (perNetwork.get(entry.network) ?? 1) - 1;
      if (left > 0) perNetwork.set(entry.network, left);
      else perNetwork.delete(entry.network);
    },
    /** The connection that goes first when there is no room: a silent one, or one that nobody vouches for. */
    first: (isOf: (entry: Entry) => boolean): [string, Entry] | undefined => {
      for (const some of [silent, strange]) for (const held of some) if (isOf(held[1])) return held;
      return undefined;
    },
    entries: () => all.flatMap((some) => [...some.values()]),
  };
};

/**
 * Limits the connections of a server, by address and in all, and ends those that stay silent for 5 s. Where there is no room, the silent
 * connection that came first makes some, then one of which no call was admitted; a new one is refused only when there is neither.
 */
export const limitConnections = (server: Server, { max, maxPerAddress, exempt, flooded }: ConnectionLimits): Connections => {
  const table = createTable();
  const vouchedFor = new WeakSet<object>();
  /** The networks that floods have come from, and until when each is punished. The first one is free first. */
  const punished = new Map<string, number>();

  const end = ([name, entry]: [string, Entry]): void => {
    // At once: the event comes later, and the next connection may be before it.
    table.remove(name, entry);
    entry.socket.destroy();
  };
  const makeRoom = (isOf: (entry: Entry) => boolean): boolean => {
    const first = table.first(isOf);
    if (first !== undefined) end(first);
    return first !== undefined;
  };
  const isPunished = (network: string): boolean => (punished.get(network) ?? 0) > performance.now();
  const hasRoom = (network: string, address: string): boolean => {
    if (isPunished(network)) return false;
    if (table.countOf(network) >= maxPerAddress && !exempt.has(address) && !makeRoom((entry) => entry.network === network)) return false;
    return table.size() < max || makeRoom(() => true);
  };

  server.prependListener("connection", (socket: Socket) => {
    // A connection that breaks is no fault of ours, and an error without a listener would end the process.
    socket.on("error", () => socket.destroy());
    const { remoteAddress } = socket;
    // It has gone already.
    if (remoteAddress === undefined) return void socket.destroy();
    const network = networkOf(remoteAddress);
    if (!hasRoom(network, remoteAddress)) return void socket.destroy();
    const name = nameOf(socket);
    const entry: Entry = { socket, network, since: performance.now() };
    table.add(name, entry);
    socket.once("close", () => table.remove(name, entry));
  });

  const timer = setInterval(() => {
    const now = performance.now();
    for (const [network, until] of punished) {
      if (until > now) break;
      punished.delete(network);
    }
    const latest = now - silenceMs;
    for (const held of table.silent) {
      if (held[1].since > latest) return;
      end(held);
    }
  }, sweepMs).unref();

  const move = (connection: Socket | Http2Session, to: "strange" | "vouched"): void => {
    const socket = "socket" in connection ? connection.socket : connection;
    if (!connection.destroyed) table.move(nameOf(socket), to);
  };
  return {
    spoke: (connection) => move(connection, "strange"),
    vouch: (connection) => {
      if (vouchedFor.has(connection)) return;
      vouchedFor.add(connection);
      move(connection, "vouched");
    },
    isVouched: (connection) => vouchedFor.has(connection),
    punish: (session, address) => {
      session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
      flooded?.();
      if (address === "" || vouchedFor.has(session) || exempt.has(address)) return;
      const network = networkOf(address);
      punished.delete(network);
      punished.set(network, performance.now() + punishmentMs);
      while (makeRoom((entry) => entry.network === network));
    },
    destroyAll: () => {
      clearInterval(timer);
      for (const { socket } of table.entries()) socket.destroy();
    },
  };
};
