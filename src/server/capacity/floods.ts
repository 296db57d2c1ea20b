import type { ServerHttp2Session, ServerHttp2Stream } from "node:http2";

/** The bytes that a stranger's connection may send beside its calls, at once and in a second. */
const BURST_BYTES = 64 * 1024;
const BYTES_PER_SECOND = 32 * 1024;

/** The bytes that each of its calls may have beside the body, as many as headers may have, and the head of each frame of the body. */
const CALL_BYTES = 17 * 1024;
const FRAME_HEAD_BYTES = 9;

/** The errors for a client that does not read the answers to its PING and SETTINGS (NGHTTP2_ERR_FLOODED), and for one that begins a thousand streams too many. */
const isFlood = ({ code, errno }: NodeJS.ErrnoException): boolean => errno === -904 || code === "ERR_HTTP2_TOO_MANY_INVALID_FRAMES";

/** The time between two looks, in milliseconds: while some of them are new or send, and while all are quiet. */
const [BUSY_MS, QUIET_MS] = [2, 20];

/** Looks take one part in so many of the time at the most, however many connections there are. */
const PARTS = 20;

/** A connection that may flood. */
export type Suspect = {
  readonly session: ServerHttp2Session;
  /** The address that it comes from; a session that has ended does not tell it. */
  readonly address: string;
  /** The number of calls that it has begun. */
  calls: number;
  /** The bytes of their bodies, and of what frames them. */
  bodyBytes: number;
};

/** Counts a call of a connection that may flood, and what comes of its body. Whoever reads the body sees nothing of it. */
export const countCall = (suspect: Suspect, stream: ServerHttp2Stream): void => {
  const { push } = stream;
  suspect.calls += 1;
  stream.push = (chunk: Uint8Array | null, encoding) => {
    if (chunk !== null) suspect.bodyBytes += chunk.length + FRAME_HEAD_BYTES;
    return push.call(stream, chunk, encoding);
  };
};

/** The connections of a port, as far as floods are about them. */
export type Floodable = {
  /** Tells whether a call over a connection was admitted. */
  readonly isVouched: (session: ServerHttp2Session) => boolean;
  /** Ends a connection that floods. */
  readonly punish: (session: ServerHttp2Session, address: string) => void;
};

type Watched = { readonly suspect: Suspect; readonly since: number; bytes: number };

const mayHaveSent = ({ suspect, since }: Watched, now: number): number =>
  BURST_BYTES + suspect.bodyBytes + suspect.calls * CALL_BYTES + ((now - since) / 1_000) * BYTES_PER_SECOND;

/**
 * Watches connections until a call over them is admitted, and ends those that send more than their calls can need. PING, SETTINGS, WINDOW_UPDATE and
 * empty DATA frames cost the sender nothing, make no stream, and Node tells of few of them: so what counts are bytes. Some floods Node ends by itself;
 * what else breaks HTTP/2 says nothing, since clients do so when they end. Returns the function that begins to watch one.
 */
export const watchForFloods = ({ isVouched, punish }: Floodable): ((suspect: Suspect) => void) => {
  const watched = new Set<Watched>();
  let isArmed = false;

  const look = (): void => {
    isArmed = false;
    let isQuiet = true;
    const now = performance.now();
    for (const one of watched) {
      const { session, address } = one.suspect;
      if (session.destroyed || isVouched(session)) {
        watched.delete(one);
        continue;
      }
      const bytes = session.socket.bytesRead;
      if (bytes > one.bytes) isQuiet = false;
      one.bytes = bytes;
      if (bytes > mayHaveSent(one, now)) punish(session, address);
    }
    arm(Math.max(isQuiet ? QUIET_MS : BUSY_MS, PARTS * (performance.now() - now)));
  };
  const arm = (ms: number): void => {
    if (isArmed || watched.size === 0) return;
    isArmed = true;
    setTimeout(look, ms).unref();
  };

  return (suspect) => {
    const { session, address } = suspect;
    watched.add({ suspect, since: performance.now(), bytes: 0 });
    session.once("error", (error) => {
      if (isFlood(error)) punish(session, address);
    });
    arm(BUSY_MS);
  };
};
