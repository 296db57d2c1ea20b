/** The CPU time of a turn of the event loop from which on it is long, in milliseconds. */
export const LONG_MS = 15;

/** The CPU time that turns of the event loop take. A call waits for the turns of others; what other processes take from the thread is not in them. */
export type Turns = {
  /** Notes that this turn is at work for calls. The first note of a turn begins to measure it. */
  readonly note: () => void;
  /**
   * Returns the length, in milliseconds, of the turn that a call meets which comes at any time, for the turns since the last answer. The longest
   * one is left out: it may be a garbage collection.
   */
  readonly met: () => number;
};

const threadCpuMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
};

/** Makes the measure of turns. `onLong` is called when a second long turn has come since the last answer. */
export const createTurns = (onLong: () => void, cpuMs = threadCpuMs): Turns => {
  let isMeasured = false;
  let begun = 0;
  let [sum, squares, longest, long] = [0, 0, 0, 0];
  const end = (): void => {
    isMeasured = false;
    const took = cpuMs() - begun;
    sum += took;
    squares += took * took;
    longest = Math.max(longest, took);
    if (took < LONG_MS) return;
    long += 1;
    if (long === 2) onLong();
  };
  return {
    note: () => {
      if (isMeasured) return;
      isMeasured = true;
      begun = cpuMs();
      setImmediate(end);
    },
    met: () => {
      const [time, weight] = [sum - longest, squares - longest * longest];
      [sum, squares, longest, long] = [0, 0, 0, 0];
      // Who comes at any time meets a turn as often as it is long.
      return time > 0 ? weight / time : 0;
    },
  };
};
