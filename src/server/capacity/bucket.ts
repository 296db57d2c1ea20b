import type { Rate } from "../../call.ts";

/** A token bucket: it fills with `perSecond` tokens a second, up to `burst`, and each call takes one. Times are `performance.now()`. */
export type Bucket = {
  readonly rate: Rate;
  /** Returns how many milliseconds are left until there is a token; 0 = there is one. */
  readonly waitMs: (now: number) => number;
  /** Takes a token, which has to be there. */
  readonly take: (now: number) => void;
  /** Returns the whole tokens that are left. */
  readonly left: (now: number) => number;
};

/** Makes a full bucket. */
export const createBucket = (rate: Rate, now: number): Bucket => {
  const perMs = rate.perSecond / 1_000;
  let tokens = rate.burst;
  let filledAt = now;
  const fill = (time: number): void => {
    if (time <= filledAt) return;
    tokens = Math.min(rate.burst, tokens + (time - filledAt) * perMs);
    filledAt = time;
  };
  return {
    rate,
    waitMs: (time) => {
      fill(time);
      return tokens >= 1 ? 0 : (1 - tokens) / perMs;
    },
    take: (time) => {
      fill(time);
      tokens -= 1;
    },
    left: (time) => {
      fill(time);
      return Math.floor(tokens);
    },
  };
};
