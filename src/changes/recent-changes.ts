import type { FeedChange } from "./feed-change.ts";

/** The changes that were read last, without gaps, for watchers that fall behind a little. */
export type RecentChanges = {
  readonly add: (changes: readonly FeedChange[]) => void;
  readonly clear: () => void;
  /** Returns at most so many changes behind a position; undefined = they have to be read from the table. */
  readonly behind: (position: bigint, most: number) => readonly FeedChange[] | undefined;
};

/** The changes that are kept. */
const KEPT = 8_192;

/** Makes an empty memory of changes. */
export const createRecentChanges = (): RecentChanges => {
  let kept: FeedChange[] = [];
  return {
    add: (changes) => {
      kept.push(...changes);
      if (kept.length > 2 * KEPT) kept = kept.slice(-KEPT);
    },
    clear: () => {
      kept = [];
    },
    behind: (position, most) => {
      const first = kept[0];
      if (first === undefined || position < first.position - 1n) return undefined;
      const from = Number(position - first.position + 1n);
      return kept.slice(from, from + most);
    },
  };
};
