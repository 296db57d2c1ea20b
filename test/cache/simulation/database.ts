import type { Loaded } from "../../../src/cache/ports.ts";
import type { Random } from "../../fuzz/random.ts";
import type { Flaws } from "./bugs.ts";
import { type Content, type Key, PARTS } from "./content.ts";
import type { Delays } from "./delays.ts";
import type { Owner, Scheduler } from "./scheduler.ts";
import { createTruth, type State, type Truth } from "./truth.ts";

/** The database has not answered: it can't be reached, or it has refused the statement. */
export class DatabaseFailure extends Error {
  readonly unreachable: boolean;

  constructor(unreachable: boolean) {
    super(unreachable ? "the database can't be reached" : "the statement failed");
    this.unreachable = unreachable;
  }
}

/** Which parts of an aggregate a write changes. */
export type Change = { readonly aggregate: number; readonly parts: readonly number[] };

/** What a write is told after its commit. */
export type Committed = {
  readonly epoch: number;
  readonly aggregates: readonly { readonly aggregate: number; readonly version: bigint }[];
  /** The time of the database, read after the commit. */
  readonly time: number;
};

/** One primary after the other, as statements see them. */
export type Database = {
  readonly truth: Truth;
  readonly load: (owner: Owner, keys: readonly Key[], signal: AbortSignal) => Promise<Loaded<Content>>;
  readonly commit: (owner: Owner, changes: readonly Change[]) => Promise<Committed>;
  /** A replica that lacks the last commits becomes the primary. */
  readonly failOver: (lost: number) => void;
  readonly stepClock: (milliseconds: number) => void;
  readonly breakDown: (milliseconds: number) => void;
};

/** The name of an epoch. */
export const epochName = (epoch: number): string => `system/16384/0000000${epoch + 1}`;

/** How far behind the replica is that one of the bugs reads from, in milliseconds. */
const REPLICA_LAG_MS = 40;

/** Makes a database of some aggregates, all at version 0. */
export const createDatabase = (
  { scheduler, random, delays, flaws }: { scheduler: Scheduler; random: Random; delays: Delays; flaws: Flaws },
  aggregates: number,
): Database => {
  const truth = createTruth(PARTS.length);
  let epoch = -1;
  let clock = { base: 0, rate: 0 };
  let clockReads = 0;
  let serial = 0;
  let unreachableUntil = -1;

  const begin = (states: readonly State[], base: number): void => {
    epoch += 1;
    clock = { base, rate: (random.below(401) - 200) / 1_000_000 };
    truth.beginEpoch(scheduler.now(), states);
  };
  begin(
    Array.from({ length: aggregates }, () => ({ from: 0, version: 0n, serials: PARTS.map(() => 0) })),
    1_700_000_000_000,
  );

  /** Never the same twice, as a clock of microseconds. */
  const readClock = (): number => {
    clockReads += 1;
    const now = scheduler.now();
    const shown = clock.base + now * (1 + clock.rate) + clockReads / 1_024;
    truth.clockRead(shown, now);
    return shown;
  };

  const stateOf = (aggregate: number): State => truth.states(epoch, aggregate).at(-1) as State;
  const stateAt = (aggregate: number, moment: number): State =>
    truth.states(epoch, aggregate).findLast(({ from }) => from <= moment) ?? (truth.states(epoch, aggregate)[0] as State);

  const show = ({ aggregate, part }: Key, { version, serials }: State, partial: boolean): Content => {
    const shown = serials[part] ?? 0;
    return { aggregate, part, epoch: epochName(flaws.oneEpoch ? 0 : epoch), version, serial: shown, inner: { serial: shown }, partial };
  };

  /** A statement begins at the primary; the outcome is what its snapshot makes of it. */
  const execute = <T>(
    owner: Owner,
    begun: () => void,
    atSnapshot: (settle: (value: T) => void) => void,
    reject: (error: Error) => void,
    resolve: (value: T) => void,
  ) => {
    const fail = (unreachable: boolean, delay: number) => scheduler.after(delay, () => reject(new DatabaseFailure(unreachable)), owner);
    scheduler.after(delays.network(), () => {
      const now = scheduler.now();
      if (now < unreachableUntil) {
        fail(true, random.chance(0.5) ? delays.short() : unreachableUntil - now);
        return;
      }
      if (random.chance(0.01)) {
        fail(random.chance(0.5), delays.network());
        return;
      }
      begun();
      const primary = epoch;
      scheduler.after(delays.network() / 2, () => {
        if (primary !== epoch) fail(true, delays.short());
        else atSnapshot((value) => scheduler.after(delays.network(), () => resolve(value), owner));
      });
    });
  };

  return {
    truth,
    load: (owner, keys, signal) =>
      new Promise((resolve, reject) => {
        let databaseTime = 0;
        const show_ = (moment: number, partial: boolean): Loaded<Content> => {
          const states = keys.map(({ aggregate }) => (moment === Infinity ? stateOf(aggregate) : stateAt(aggregate, moment)));
          return {
            epoch: epochName(flaws.oneEpoch ? 0 : epoch),
            databaseTime,
            versions: states.map(({ version }) => version),
            contents: keys.map((key, index) => show(key, states[index] as State, partial)),
          };
        };
        // A cancelled statement fails, or leaves what had arrived.
        const end = () =>
          scheduler.after(
            delays.short(),
            () => (random.chance(0.5) ? reject(new Error("cancelled")) : resolve(show_(Infinity, true))),
            owner,
          );
        if (signal.aborted) end();
        else signal.addEventListener("abort", end, { once: true });
        execute<Loaded<Content>>(
          owner,
          () => {
            databaseTime = readClock();
          },
          (settle) => {
            const shown = show_(flaws.replica ? scheduler.now() - REPLICA_LAG_MS : Infinity, false);
            if (!flaws.versionAfterData) return settle(shown);
            const primary = epoch;
            scheduler.after(delays.network(), () => {
              if (primary !== epoch) reject(new DatabaseFailure(true));
              else settle({ ...shown, versions: keys.map(({ aggregate }) => stateOf(aggregate).version) });
            });
          },
          flaws.swallowsFailures
            ? () => resolve({ ...show_(Infinity, false), contents: keys.map((key) => ({ ...show(key, stateOf(key.aggregate), true) })) })
            : reject,
          resolve,
        );
      }),
    commit: (owner, changes) =>
      new Promise((resolve, reject) => {
        let seen: readonly bigint[] = [];
        execute<Committed>(
          owner,
          () => {
            seen = changes.map(({ aggregate }) => stateOf(aggregate).version);
          },
          (settle) => {
            serial += 1;
            const made = changes.map(({ aggregate, parts }, index) => {
              const { version, serials } = stateOf(aggregate);
              const next = (flaws.unlockedVersions ? (seen[index] as bigint) : version) + 1n;
              truth.changed(aggregate, {
                from: scheduler.now(),
                version: flaws.noBump || flaws.lateBump ? version : next,
                serials: serials.map((held, part) => (parts.includes(part) ? serial : held)),
              });
              return { aggregate, version: flaws.noBump ? version : next };
            });
            if (flaws.lateBump) {
              const primary = epoch;
              scheduler.after(delays.network(), () => {
                if (primary !== epoch) return;
                for (const { aggregate } of made) {
                  const { version, serials } = stateOf(aggregate);
                  truth.changed(aggregate, { from: scheduler.now(), version: version + 1n, serials });
                }
              });
            }
            settle({ epoch: flaws.oneEpoch ? 0 : epoch, aggregates: made, time: readClock() });
          },
          reject,
          resolve,
        );
      }),
    failOver: (lost) => {
      const commits = Array.from({ length: aggregates }, (_, aggregate) => truth.states(epoch, aggregate))
        .flatMap((states) => states.slice(1).map(({ from }) => from))
        .sort((a, b) => a - b);
      const kept = lost === 0 ? Infinity : (commits.at(-lost) ?? 0) - 1;
      const states = Array.from({ length: aggregates }, (_, aggregate) => stateAt(aggregate, kept));
      // Another machine, another clock: near the one before, or not.
      begin(states, clock.base + (random.chance(0.2) ? random.below(10_000) - 5_000 : random.below(161) - 80));
      if (random.chance(0.5)) unreachableUntil = scheduler.now() + delays.network() * 3;
    },
    stepClock: (milliseconds) => {
      clock = { ...clock, base: clock.base + milliseconds };
    },
    breakDown: (milliseconds) => {
      unreachableUntil = Math.max(unreachableUntil, scheduler.now() + milliseconds);
    },
  };
};
