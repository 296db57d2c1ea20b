import type { Rate } from "../../call.ts";

/** What is left of one rate of a caller: whole calls, and the milliseconds until there is room for more. */
type Left = { readonly group: string; readonly rate: Rate; readonly left: number; readonly waitMs: number };

/**
 * Makes the fields of draft-ietf-httpapi-ratelimit-headers: `ratelimit-policy` says how many calls may come at once (q) and in how many seconds
 * so many come again (w), `ratelimit` how many are left (r) and after how many seconds there are more (t).
 */
export const rateFields = (rates: readonly Left[]): Readonly<Record<string, string>> => ({
  "ratelimit-policy": rates.map(({ group, rate }) => `"${group}";q=${rate.burst};w=${Math.ceil(rate.burst / rate.perSecond)}`).join(", "),
  ratelimit: rates.map(({ group, left, waitMs }) => `"${group}";r=${left};t=${Math.ceil(waitMs / 1_000)}`).join(", "),
});
