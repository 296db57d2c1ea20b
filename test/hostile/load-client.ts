// The client of load.ts, in a process of its own: calls one RPC by frames that were made before, at a rate or with a number in flight, and tells
// what it saw. A client library would take more of the machine than the server does, and its own queues would count as the server's.
import { connect, type Socket } from "node:net";
import { json } from "node:stream/consumers";
import type { LoadJob, Seen } from "./load.ts";

const job = (await json(process.stdin)) as LoadJob;

const [DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY] = [0, 1, 3, 4, 6, 7];
const [END_STREAM, ACK, END_HEADERS] = [1, 1, 4];
/** The streams that a server takes at once on one connection. */
const MAX_STREAMS = 100;
const WARM_UP_MS = 1_000;
/** The time after which a refused call comes again that was not told when, in milliseconds. */
const PUSHBACK_MS = 100;
/** The codes of Huffman (RFC 7541) for the characters of `grpc-retry-pushback-ms` and of its value. */
const codeOf = new Map(
  Object.entries({ c: 4, e: 5, a: 3, s: 8, t: 9, 0: 0, 1: 1, 2: 2 })
    .map(([character, code]): [string, string] => [character, code.toString(2).padStart(5, "0")])
    .concat(
      Object.entries({ "-": 22, 3: 25, 4: 26, 5: 27, 6: 28, 7: 29, 8: 30, 9: 31, b: 35, g: 38, h: 39, m: 41, p: 43, r: 44, u: 45 }).map(
        ([character, code]) => [character, code.toString(2).padStart(6, "0")],
      ),
      [
        ["k", "1110101"],
        ["y", "1111010"],
      ],
    ),
);
const bitsOf = (text: string): string => [...text].map((character) => codeOf.get(character)).join("");
const bytesOf = (bits: string): Buffer => Buffer.from((bits.match(/.{1,8}/g) ?? []).map((byte) => Number.parseInt(byte.padEnd(8, "1"), 2)));
const pushbackName = bytesOf(bitsOf("grpc-retry-pushback-ms"));
/** The values that were met, by their bytes. */
const pushbacks = new Map<string, number>();

/** Returns what the header `grpc-retry-pushback-ms` of an answer says; servers send it as a literal, since the client has no table. */
const pushbackOf = (fields: Buffer): number => {
  const at = fields.indexOf(pushbackName);
  if (at < 0) return PUSHBACK_MS;
  const lengthAt = at + pushbackName.length;
  const length = fields.readUInt8(lengthAt);
  const value = fields.subarray(lengthAt + 1, lengthAt + 1 + (length & 127));
  // Two digits of 5 bits are as long with Huffman's code as without.
  if (length < 128) return Number(value.toString("latin1"));
  const key = value.toString("latin1");
  const known = pushbacks.get(key);
  if (known !== undefined) return known;
  for (let milliseconds = 0; milliseconds < 10_000; milliseconds += 1) {
    if (bytesOf(bitsOf(`${milliseconds}`)).toString("latin1") !== key) continue;
    pushbacks.set(key, milliseconds);
    return milliseconds;
  }
  return PUSHBACK_MS;
};

const frame = (type: number, flags: number, stream: number, payload: Uint8Array): Buffer => {
  const made = Buffer.alloc(9 + payload.length);
  made.writeUIntBE(payload.length, 0, 3);
  made.writeUInt8(type, 3);
  made.writeUInt8(flags, 4);
  made.writeUInt32BE(stream, 5);
  made.set(payload, 9);
  return made;
};
/** A header as HPACK's literal without indexing. */
const literal = (text: string): Buffer => {
  const bytes = Buffer.from(text);
  const length = bytes.length < 127 ? [bytes.length] : [127, ...varint(bytes.length - 127)];
  return Buffer.concat([Buffer.from(length), bytes]);
};
const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >> 7)]);
const headers = Buffer.concat(
  Object.entries({
    ":method": "POST",
    ":scheme": "http",
    ":path": job.path,
    ":authority": job.address,
    "content-type": "application/grpc",
    te: "trailers",
    ...(job.timeoutMs !== undefined && { "grpc-timeout": `${job.timeoutMs}m` }),
    ...(job.authorization !== undefined && { authorization: job.authorization }),
  }).flatMap(([name, value]) => [Buffer.from([0]), literal(name), literal(value)]),
);
const calls = job.bodies.map((text) => {
  const head = frame(HEADERS, END_HEADERS, 0, headers);
  return { both: Buffer.concat([head, frame(DATA, END_STREAM, 0, Buffer.from(text, "base64"))]), dataAt: head.length };
});

const answered: number[] = [];
const refused: number[] = [];
const others = new Map<string, number>();
let sent = 0;

type Open = { readonly started: number; hasData: boolean; readonly done: (refusal: Refusal | undefined) => void };
/** What a refusal says: the time after which the call may come again, in milliseconds. */
type Refusal = { readonly waitMs: number };

/** A connection: its streams by number, and what is to be written in this turn of the event loop. */
class Connection {
  readonly open = new Map<number, Open>();
  readonly ready: Promise<void>;
  #isReady: () => void = () => {};
  readonly #socket: Socket;
  #nextStream = 1;
  #received: Buffer = Buffer.alloc(0);
  #toWrite: Buffer[] = [];

  constructor(host: string, port: number) {
    this.#socket = connect({ host, port, noDelay: true });
    this.ready = new Promise((resolve) => {
      this.#isReady = resolve;
    });
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk)).on("error", () => {});
    this.#socket.on("close", () => {
      for (const stream of this.open.keys()) this.#end(stream, "connection closed", undefined);
    });
    // No table of headers: nobody has to decode them. Windows as large as can be.
    const settings = Buffer.from([0, 1, 0, 0, 0, 0, 0, 4, 0x7f, 0xff, 0xff, 0xff]);
    const window = Buffer.from([0x7f, 0xff, 0, 0]);
    this.#write(Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(SETTINGS, 0, 0, settings), frame(8, 0, 0, window)]));
  }

  send(open: Open): void {
    const call = calls[this.#nextStream % calls.length];
    if (call === undefined) throw new Error("The job has no bodies.");
    if (open.started >= begin) sent += 1;
    const bytes = Buffer.from(call.both);
    bytes.writeUInt32BE(this.#nextStream, 5);
    bytes.writeUInt32BE(this.#nextStream, call.dataAt + 5);
    this.open.set(this.#nextStream, open);
    this.#nextStream += 2;
    this.#write(bytes);
  }

  #write(bytes: Buffer): void {
    this.#toWrite.push(bytes);
    if (this.#toWrite.length > 1) return;
    setImmediate(() => {
      this.#socket.write(Buffer.concat(this.#toWrite));
      this.#toWrite = [];
    });
  }

  #read(chunk: Buffer): void {
    let left = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    while (left.length >= 9) {
      const length = left.readUIntBE(0, 3);
      if (left.length < 9 + length) break;
      this.#take(left.readUInt8(3), left.readUInt8(4), left.readUInt32BE(5), left.subarray(9, 9 + length));
      left = left.subarray(9 + length);
    }
    this.#received = left;
  }

  #take(type: number, flags: number, stream: number, payload: Buffer): void {
    if (type === SETTINGS && (flags & ACK) !== 0) this.#isReady();
    else if (type === SETTINGS) this.#write(frame(SETTINGS, ACK, 0, Buffer.alloc(0)));
    if (type === PING && (flags & ACK) === 0) this.#write(frame(PING, ACK, 0, payload));
    if (type === GOAWAY) others.set("GOAWAY", (others.get("GOAWAY") ?? 0) + 1);
    if (type === RST_STREAM) this.#end(stream, `RST_STREAM ${payload.readUInt32BE(0)}`, undefined);
    const open = this.open.get(stream);
    if (open === undefined) return;
    if (type === DATA) open.hasData = true;
    // What ends before any message is a refusal: trailers alone. Their length tells the status from others, which are not expected.
    if (type === HEADERS && (flags & END_STREAM) !== 0) this.#end(stream, undefined, payload);
  }

  #end(stream: number, broken: string | undefined, trailers: Buffer | undefined): void {
    const open = this.open.get(stream);
    if (open === undefined) return;
    this.open.delete(stream);
    const ms = performance.now() - open.started;
    if (open.started >= begin) this.#count(open, broken, ms);
    open.done(trailers === undefined || open.hasData ? undefined : { waitMs: pushbackOf(trailers) });
  }

  #count(open: Open, broken: string | undefined, ms: number): void {
    if (broken !== undefined) others.set(broken, (others.get(broken) ?? 0) + 1);
    else (open.hasData ? answered : refused).push(ms);
  }
}

const [host = "", port] = job.address.split(":");
const connections = Array.from({ length: job.connections }, () => new Connection(host, Number(port)));
const queue: Open[] = [];

const least = (): Connection | undefined => {
  let best: Connection | undefined;
  for (const one of connections) if (one.open.size < MAX_STREAMS && one.open.size < (best?.open.size ?? MAX_STREAMS)) best = one;
  return best;
};
/** Makes one call, now or as soon as a connection has room; that it waits for room counts as waiting for the server. */
const call = (done: Open["done"]): void => {
  const open: Open = {
    started: performance.now(),
    hasData: false,
    done: (refusal) => {
      const next = queue.shift();
      if (next !== undefined) least()?.send(next);
      done(refusal);
    },
  };
  const connection = least();
  if (connection === undefined) queue.push(open);
  else connection.send(open);
};

await Promise.all(connections.map(({ ready }) => ready));
const started = performance.now();
/** What comes before is not counted: the first calls come while the last client has left and compilers are at work. */
const begin = started + WARM_UP_MS;
const end = begin + job.seconds * 1_000;
let open = 0;
const { promise: over, resolve: finish } = Promise.withResolvers<void>();
const isOver = () => performance.now() >= end;

if (job.perSecond === undefined) {
  const loop = () => {
    if (isOver()) {
      open -= 1;
      if (open === 0) finish();
      return;
    }
    call((refusal) => (refusal !== undefined && job.obeys !== false ? setTimeout(loop, refusal.waitMs) : loop()));
  };
  for (let index = 0; index < job.inFlight; index += 1) {
    open += 1;
    loop();
  }
} else {
  const { perSecond } = job;
  let made = 0;
  const ended = () => {
    open -= 1;
    if (isOver() && open === 0) finish();
  };
  const tick = setInterval(() => {
    const due = ((Math.min(performance.now(), end) - started) / 1_000) * perSecond;
    for (; made < due; made += 1) {
      open += 1;
      call(ended);
    }
    if (!isOver()) return;
    clearInterval(tick);
    if (open === 0) finish();
  }, 1);
}
await Promise.race([over, new Promise((resolve) => setTimeout(resolve, job.seconds * 1_000 + WARM_UP_MS + 5_000))]);

const percentile = (values: number[], share: number): number => {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
};
const summary = (values: number[]) => ({ calls: values.length, p50: percentile(values, 0.5), p99: percentile(values, 0.99) });
if (open > 0) others.set("without an answer", open);
const seen: Seen = { sent, answered: summary(answered), refused: summary(refused), others: Object.fromEntries(others) };
process.stdout.write(`${JSON.stringify(seen)}\n`, () => process.exit());
