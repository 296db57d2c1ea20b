import type { Http2Server, IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { countCall, type Floodable, type Suspect, watchForFloods } from "./floods.ts";

/** What a new stream costs its turn of the event loop, in parts of `TURN`: an answer from memory, a refusal, a call that begins on a busy server. */
export const costs = { quick: 3, refused: 4, begun: 12 } as const;

/** The streams of one turn, as costs: 128 answers from memory, 96 refusals, or 32 calls that begin. That is about 3 ms. */
const TURN = 384;

/** The longest that a stream waits for room in a turn, in milliseconds. Beyond, long turns cost others less than a line that grows. */
const MAX_WAIT_MS = 8;

/** The most streams of one connection in a second that were reset before anybody looked at them. */
const MAX_RESETS = 100;
const SECOND_MS = 1_000;

/** The arguments of the event of a new stream; the fourth ones are the headers as they came, which only some listeners take. */
type Arrival = [stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number, rawHeaders: readonly string[]];

type Waiting = { readonly arrival: Arrival; readonly at: number };

/** The streams of one connection that wait for a turn, those before `next` gone; and the resets that were counted `since` a time. */
type Line = Suspect & {
  isVouched: boolean;
  waiting: Waiting[];
  next: number;
  resets: number;
  since: number;
};

/** The functions that `orderArrivals` is told by its server. */
type Order = {
  readonly connections: Floodable;
  /** Is told that the calls of the turn before have begun, as far as they will. */
  readonly beginTurn: () => void;
  /**
   * Handles a stream, and returns what that has cost its turn; `serve` hands it to the listeners of the server. The stream is a stranger's if no call
   * over its connection was admitted before.
   */
  readonly handle: (arrival: Arrival, serve: (arrival: Arrival) => void, isStrangers: boolean) => number;
};

const ignore = (): void => {};

/** Counts a stream that was reset at once, and ends its connection when there are too many. */
const countReset = (line: Line, punish: Floodable["punish"]): void => {
  const now = performance.now();
  if (now - line.since > SECOND_MS) {
    line.since = now;
    line.resets = 0;
  }
  line.resets += 1;
  if (line.resets > MAX_RESETS && !line.session.destroyed) punish(line.session, line.address);
};

/**
 * Puts the new streams of an HTTP/2 server in order, before its listeners for them. Those of connections with a known caller are handled at once: a
 * refusal that waited would be late, and cost as much. Those of strangers wait for the next turn of the event loop, by which it is known which of
 * them are left, and one turn handles some, one of each connection after the other: so many streams at once make others wait for no longer than a
 * turn. Streams that their client has reset meanwhile cost nothing more, and a connection with many of those is ended.
 */
export const orderArrivals = (server: Http2Server, { connections, beginTurn, handle }: Order): void => {
  const watch = watchForFloods(connections);
  const lines: Line[] = [];
  let left = TURN;
  let isArmed = false;
  /** The index of the line that is next. */
  let at = 0;

  const serve = (arrival: Arrival): void => {
    const [stream] = arrival;
    server.emit("stream", ...arrival);
    // A request without a byte has ended while it waited, and told nobody.
    if (stream.readableEnded) process.nextTick(() => stream.emit("end"));
  };
  const take = (arrival: Arrival, line: Line): void => {
    const [stream] = arrival;
    if (!stream.closed && !stream.destroyed) {
      left -= handle(arrival, serve, !line.isVouched);
      return;
    }
    // Nobody else listens, and an error without a listener would end the process.
    stream.on("error", ignore);
    countReset(line, connections.punish);
  };
  /** Handles the next stream if the turn has room for it, or it has waited too long. Returns false when there is none. */
  const takeNext = (now: number): boolean => {
    if (at >= lines.length) at = 0;
    const line = lines[at];
    const first = line?.waiting[line.next];
    if (line === undefined || first === undefined || (left <= 0 && now - first.at < MAX_WAIT_MS)) return false;
    line.next += 1;
    if (line.next < line.waiting.length) at += 1;
    else {
      lines.splice(at, 1);
      line.waiting = [];
      line.next = 0;
    }
    take(first.arrival, line);
    return true;
  };
  const turn = (): void => {
    isArmed = false;
    left = TURN;
    beginTurn();
    const now = performance.now();
    while (takeNext(now));
    if (lines.length > 0) arm();
  };
  const arm = (): void => {
    if (isArmed) return;
    isArmed = true;
    setImmediate(turn);
  };

  server.on("session", (session) => {
    const address = session.socket.remoteAddress ?? "";
    const line: Line = { session, address, calls: 0, bodyBytes: 0, isVouched: false, waiting: [], next: 0, resets: 0, since: 0 };
    watch(line);
    // Node's own listener hands each stream to the server at once.
    session.removeAllListeners("stream");
    session.on("stream", (...arrival: Arrival) => {
      arm();
      line.isVouched ||= connections.isVouched(session);
      if (!line.isVouched) countCall(line, arrival[0]);
      // Who comes later does not overtake.
      if (line.isVouched && line.waiting.length === 0) return take(arrival, line);
      arrival[0].on("error", ignore);
      if (line.waiting.push({ arrival, at: performance.now() }) === 1) lines.push(line);
    });
  });
};
