/** The moments of the writes of one option, whose values grow by one from 1, by the clock of the machine: by value, less one. */
export type Moments = { readonly begun: number[]; readonly acknowledged: number[] };

/** Makes the moments of an option that nobody has written. */
export const createMoments = (): Moments => ({ begun: [], acknowledged: [] });

/** Returns the time of the machine's monotonic clock in milliseconds, which all of its processes share. */
export const machineTime = (): number => Number(process.hrtime.bigint()) / 1e6;
