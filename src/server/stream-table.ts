import type { Http2Session } from "node:http2";
import { types } from "node:util";

/** The number in a slot that no stream is in. */
const FREE = -1;

/**
 * A map from id to stream for one HTTP/2 session, in place of Node's Map. Look-ups search an array, since a session has at most 100 streams at
 * a time.
 */
export class StreamTable<T> {
  readonly #ids: number[] = [];
  readonly #held: (T | undefined)[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): T | undefined {
    const slot = this.#ids.indexOf(id);
    return slot < 0 ? undefined : this.#held[slot];
  }

  set(id: number, one: T): this {
    let slot = this.#ids.indexOf(id);
    if (slot < 0) {
      this.#size += 1;
      slot = this.#ids.indexOf(FREE);
      if (slot < 0) slot = this.#ids.length;
    }
    this.#ids[slot] = id;
    this.#held[slot] = one;
    return this;
  }

  delete(id: number): boolean {
    const slot = this.#ids.indexOf(id);
    if (slot < 0) return false;
    this.#ids[slot] = FREE;
    this.#held[slot] = undefined;
    this.#size -= 1;
    return true;
  }

  forEach(visit: (one: T, id: number) => void): void {
    for (const [slot, id] of this.#ids.entries()) if (id !== FREE && this.#ids[slot] === id) visit(this.#held[slot] as T, id);
  }
}

/** The set of streams that have no number yet; on a server they are in it only between two statements of Node's. */
class PendingStreams<T> {
  readonly #held: T[] = [];

  get size(): number {
    return this.#held.length;
  }

  add(one: T): this {
    if (!this.#held.includes(one)) this.#held.push(one);
    return this;
  }

  delete(one: T): boolean {
    const slot = this.#held.indexOf(one);
    if (slot >= 0) this.#held.splice(slot, 1);
    return slot >= 0;
  }

  forEach(visit: (one: T) => void): void {
    for (const one of [...this.#held]) visit(one);
  }
}

/** The major version of Node whose sessions are known to call no other methods of the two. */
const KNOWN_MAJOR = "24";

/**
 * Makes an HTTP/2 session store its streams in arrays whose slots are reused, instead of Node's Map and Set. Old hash tables of a Map or Set
 * keep ended streams alive; on a busy connection, copying these streams takes the garbage collector a third of the CPU time of a call
 * (docs/adr/0019).
 * @returns false, and changes nothing, on a major version of Node that is not tested, and for a session that has streams already or whose
 * internals differ.
 */
export const keepStreamsInSlots = (session: Http2Session): boolean => {
  if (process.versions.node.split(".")[0] !== KNOWN_MAJOR) return false;
  const symbol = Object.getOwnPropertySymbols(session).find(({ description }) => description === "state");
  const state = symbol && (session as unknown as Record<symbol, { streams: unknown; pendingStreams: unknown }>)[symbol];
  if (!(types.isMap(state?.streams) && types.isSet(state.pendingStreams))) return false;
  if (state.streams.size + state.pendingStreams.size > 0) return false;
  state.streams = new StreamTable();
  state.pendingStreams = new PendingStreams();
  return true;
};
