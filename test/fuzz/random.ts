/** A seeded source of randomness: the same seed makes the same inputs. */
export type Random = {
  /** An integer of 0 to below `limit`. */
  readonly below: (limit: number) => number;
  readonly chance: (probability: number) => boolean;
  readonly pick: <T>(of: readonly [T, ...T[]]) => T;
  readonly bytes: (length: number) => Buffer;
};

/** mulberry32 over a seed made of all parts. */
export const createRandom = (...parts: readonly (string | number)[]): Random => {
  let state = 2_166_136_261;
  for (const character of parts.join("/")) state = Math.imul(state ^ character.charCodeAt(0), 16_777_619);
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    below,
    chance: (probability) => next() < probability,
    pick: (of) => of[below(of.length)] ?? of[0],
    bytes: (length) => Buffer.from(Uint8Array.from({ length }, () => below(256))),
  };
};
