import { setTimeout as delay } from "node:timers/promises";
import type { Attack, Port, Target } from "../attack.ts";
import { opening, openSocket, type RawSocket } from "../frames.ts";

const ports: readonly Port[] = ["grpc", "http"];

/** What a silent socket says before it falls silent. */
const words: readonly Uint8Array[] = [
  Buffer.alloc(0),
  Buffer.from("PRI * HT"),
  Buffer.from("POST / HTTP/1.1\r\nHost: a\r\n"),
  Buffer.from([22, 3, 1]),
];

const openSilent = async (target: Target, count: number, from: (index: number) => string): Promise<readonly RawSocket[]> =>
  Promise.all(
    ports.flatMap((port) =>
      Array.from({ length: count }, async (_, index) => {
        const socket = await openSocket(target.address(port), { from: from(index) });
        await socket.write(words[index % words.length] ?? opening);
        return socket;
      }),
    ),
  );

const openOf = (sockets: readonly RawSocket[]): number => sockets.filter((socket) => socket.isOpen()).length;

/** Opens silent sockets again and again, as an attacker that wants to keep everybody out does. */
const attack = async (target: Target, count: number, seconds: number, from: (index: number) => string) => {
  const end = performance.now() + seconds * 1_000;
  let sockets: readonly RawSocket[] = [];
  while (performance.now() < end) {
    for (const socket of sockets) if (!socket.isOpen()) socket.end();
    sockets = [...sockets.filter((socket) => socket.isOpen()), ...(await openSilent(target, Math.ceil(count / 4), from))];
    await delay(500);
  }
  const held = openOf(sockets);
  await delay(6_500);
  const left = openOf(sockets);
  for (const socket of sockets) socket.end();
  return [
    { name: "held_after_last", value: held, bound: 4 * count },
    { name: "open_after_6_s", value: left, bound: 0 },
  ];
};

/** Silent sockets from one address. */
export const silentFromOne: Attack = {
  name: "silent",
  about: "1,000 silent sockets to each port from one address, renewed, with nothing or the beginning of TLS, HTTP/1.1 or HTTP/2",
  run: (target, { of }) => attack(target, 1_000, of(3, 20), () => "127.0.0.2"),
};

/** Silent sockets from many addresses. */
export const silentFromMany: Attack = {
  name: "silent-many",
  isLong: true,
  // To take hundreds of connections at once takes a while.
  bounds: { politeMs: 500 },
  about: "1,200 silent sockets to each port from 100 addresses, renewed",
  run: (target, { of }) => attack(target, 1_200, of(3, 20), (index) => `127.0.1.${index % 100}`),
};
