/** One option that a reader reads. */
export type Slot = { readonly userId: string; readonly key: string };

/** The first line of a reader's stdin; it says a line when its near cache is live. The second line ends the reading. */
export type Order = {
  readonly address: string;
  readonly boundMs: number;
  readonly readsPerSecond: number;
  /** The options that others write. */
  readonly slots: readonly Slot[];
  /** The options that the reader writes itself, through the same client. */
  readonly own: readonly Slot[];
};

/**
 * One value that was found: the option as its place in `slots`, the value (0 = none), how many reads found it, when the first of them ended and when the
 * last of them began, by the clock of the machine. Values only grow, so that no read of this value was more out of date than the last.
 */
export type Found = readonly [slot: number, value: number, reads: number, firstEnded: number, lastBegan: number];

/** All that a reader has read, as its last line. */
export type Readings = {
  readonly reads: number;
  readonly hits: number;
  /** The calls that failed, as they may while services are away. */
  readonly failed: number;
  /** Reads of own options, and those that found less than what was acknowledged to the reader before they began. */
  readonly ownReads: number;
  readonly belowFloor: number;
  readonly ownWrites: number;
  /** Reads that began after another one had ended, and found less than it did. */
  readonly wentBack: number;
  /** How often the near cache went on after a cut, and began anew. */
  readonly resumes: number;
  readonly resets: number;
  readonly found: readonly Found[];
};

/** What reads of several options have found. */
export type Tally = {
  /** Notes a read: `began` is the time before it. */
  readonly note: (slot: number, value: number, began: number) => void;
  readonly found: () => readonly Found[];
  readonly wentBack: () => number;
};

/** What reads of one value of an option have in common. */
type Run = { readonly value: number; reads: number; readonly firstEnded: number; lastBegan: number };

/** Makes a tally that is cheap to note in: it has a line for each value, not for each read. */
export const createTally = (slots: number, now: () => number): Tally => {
  const runs = Array.from({ length: slots }, () => new Map<number, Run>());
  const last: (Run | undefined)[] = Array(slots).fill(undefined);
  const highest: (Run | undefined)[] = Array(slots).fill(undefined);
  let wentBack = 0;
  return {
    note: (slot, value, began) => {
      let run = last[slot];
      if (run?.value !== value) {
        run = runs[slot]?.get(value);
        if (run === undefined) {
          run = { value, reads: 0, firstEnded: now(), lastBegan: began };
          runs[slot]?.set(value, run);
        }
        last[slot] = run;
      }
      run.reads += 1;
      if (began > run.lastBegan) run.lastBegan = began;
      const high = highest[slot];
      if (high === undefined || value > high.value) highest[slot] = run;
      else if (value < high.value && began > high.firstEnded) wentBack += 1;
    },
    found: () =>
      runs.flatMap((of, slot) =>
        [...of.values()].map(({ value, reads, firstEnded, lastBegan }): Found => [slot, value, reads, firstEnded, lastBegan]),
      ),
    wentBack: () => wentBack,
  };
};
