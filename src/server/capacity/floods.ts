import type { ServerHttp2Session, ServerHttp2Stream } from "node:http2";

/** The bytes that a stranger's connection may send beside its calls, at once and in a second. */
const BURST_BYTES = 512 * 1024;
const BYTES_PER_SECOND = 32 * 1024;

/** The bytes that each of its calls may have beside the body: headers, and what frames the body. */
const CALL_BYTES = 32 * 1024;

/** The error of nghttp2 (NGHTTP2_ERR_FLOODED) for a client that does not read the answers to its PING and SETTINGS. */
const FLOODED = -904;

/** The time between two looks, in milliseconds. */
const LOOK_MS = 20;

/** A connection that may flood. */
export type Suspect = {
  readonly session: ServerHttp2Session;
  /** The address that it comes from; a session that has ended does not tell it. */
  readonly address: string;
  /** The number of calls that it has begun. */
  calls: number;
  /** The bytes of their bodies. */
  bodyBytes: number;
};

/** Counts a call of a connection that may flood, and what comes of its body. Whoever reads the body sees nothing of it. */
export const countCall = (suspect: Suspect, stream: ServerHttp2Stream): void => {
  const { push } = stream;
  suspect.calls += 1;
  stream.push = (chunk: Uint8Array | null, encoding) => {
    suspect.bodyBytes += chunk?.length ?? 0;
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

type Watched = { readonly suspect: Suspect; readonly since: number };

const mayHaveSent = ({ suspect, since }: Watched, now: number): number =>
  BURST_BYTES + suspect.bodyBytes + suspect.calls * CALL_BYTES + ((now - since) / 1_000) * BYTES_PER_SECOND;

/**
 * Watches connections until a call over them is admitted, and ends those that send more than their calls can need. PING, SETTINGS, WINDOW_UPDATE and
 * empty DATA frames cost the sender nothing, make no stream, and Node tells of few of them: so what counts are bytes. nghttp2 ends by itself
 * who reads no answers. What else breaks HTTP/2 says nothing: clients do so when they end. Returns the function that begins to watch one.
 */
export const watchForFloods = ({ isVouched, punish }: Floodable): ((suspect: Suspect) => void) => {
  const watched = new Set<Watched>();
  let isArmed = false;

  const look = (): void => {
    isArmed = false;
    const now = performance.now();
    for (const one of watched) {
      const { suspect } = one;
      if (suspect.session.destroyed || isVouched(suspect.session)) watched.delete(one);
      else if (suspect.session.socket.bytesRead > mayHaveSent(one, now)) {
        watched.delete(one);
        punish(suspect.session, suspect.address);
      }
    }
    arm();
  };
  const arm = (): void => {
    if (isArmed || watched.size === 0) return;
    isArmed = true;
    setTimeout(look, LOOK_MS).unref();
  };

  return (suspect) => {
    const { session, address } = suspect;
    watched.add({ suspect, since: performance.now() });
    session.once("error", ({ errno }: NodeJS.ErrnoException) => {
      if (errno === FLOODED) punish(session, address);
    });
    arm();
  };
};
