import type { Read } from "./history.ts";

/** One line about a read, for who looks into a schedule. */
export const describeRead = ({ process, keys, strong, tokenEpoch, maxStaleMs, stale, begin, answer, error }: Read): string => {
  const how = [
    `begun ${begin}`,
    strong && "strong",
    tokenEpoch && `token of epoch ${tokenEpoch.at(-1)}`,
    maxStaleMs && `max_stale ${maxStaleMs}`,
    stale && "stale",
  ].filter(Boolean);
  const asked = keys.map(({ aggregate, part }) => `${aggregate}/${part}`).join(" ");
  const told = answer?.map(({ epoch, version, serial }) => `epoch ${epoch.at(-1)} v${version} #${serial}`).join(", ") ?? String(error);
  return `${process.name} read ${asked} (${how.join(", ")}): ${told}`;
};
