import type { FlightState, Rules } from "./lease.ts";
import { createPassingMap } from "./passing-map.ts";
import type { Clock } from "./ports.ts";
import { createSharedSignal, type Ending, type SharedSignal } from "./shared-signal.ts";
import type { CacheStats } from "./stats.ts";

/** Something that a flight can load, with the name under which other calls find the flight. */
export type Named = { readonly name: string };

/** A function that does one flight: it loads `wanted` for all calls that wait, and returns the results in the order of `wanted`. */
export type Run<W extends Named, L> = (
  wanted: readonly W[],
  flight: {
    /** Tells whether nothing but the database may answer. */
    readonly strong: boolean;
    /** Aborts when the last call that waits for the load has ended. */
    readonly waiting: SharedSignal;
    /** Has to be called right before the statement is sent. */
    readonly onSend: () => void;
  },
) => Promise<readonly L[]>;

/** The loads in progress (flights): calls that ask for the same names share one. A flight can load several names. */
export type Flights<W extends Named, L> = {
  /** Waits for the flights that may be shared, and begins one flight for all other names. Results are in the order of `wanted`. */
  readonly join: (call: Ending, wanted: readonly W[], strong: boolean) => Promise<readonly L[]>;
};

type Flight<L> = FlightState & {
  sent: boolean;
  readonly waiting: SharedSignal;
  /** The position of each name in the result; undefined for a flight of one name. */
  readonly positions: ReadonlyMap<string, number> | undefined;
  loaded: Promise<readonly L[]>;
};

/** What stands in a flight for its result until the load has begun. */
const NOT_BEGUN: Promise<never> = new Promise(() => {});

/** Makes the `Flights` of one lookup, with no flight in progress yet; `run` does the load of a flight. */
export const createFlights = <W extends Named, L>(
  { clock, rules, boundMs, stats }: { readonly clock: Clock; readonly rules: Rules; readonly boundMs: number; readonly stats: CacheStats },
  run: Run<W, L>,
): Flights<W, L> => {
  const flights = createPassingMap<Flight<L>>();

  const begin = (wanted: readonly W[], strong: boolean): Flight<L> => {
    const leave = () => {
      for (const { name } of wanted) if (flights.get(name) === flight) flights.delete(name);
    };
    // A load that nobody waits for any more is no load to share.
    const waiting = createSharedSignal(leave);
    const onSend = () => {
      flight.sent = true;
    };
    const flight: Flight<L> = {
      began: clock.now(),
      sent: false,
      strong,
      waiting,
      positions: wanted.length === 1 ? undefined : new Map(wanted.map(({ name }, index) => [name, index])),
      loaded: NOT_BEGUN,
    };
    for (const { name } of wanted) flights.set(name, flight);
    flight.loaded = run(wanted, { strong, waiting, onSend }).then(
      (loaded) => {
        leave();
        return loaded;
      },
      (error: unknown) => {
        leave();
        throw error;
      },
    );
    return flight;
  };

  const sharedOf = (name: string, strong: boolean, now: number): Flight<L> | undefined => {
    const flight = flights.get(name);
    return flight !== undefined && rules.mayShare(flight, strong, now, boundMs) ? flight : undefined;
  };
  const resultOf = async ({ loaded, positions }: Flight<L>, { name }: W): Promise<L> =>
    (await loaded)[positions === undefined ? 0 : (positions.get(name) ?? -1)] as L;

  /** Waits for one name. It makes no promise but that of the flight, if the flight is for this name alone. */
  const joinOne = (call: Ending, wanted: readonly W[], only: W, strong: boolean): Promise<readonly L[]> => {
    const flight = sharedOf(only.name, strong, clock.now());
    if (flight !== undefined) stats.shared += 1;
    const joined = flight ?? begin(wanted, strong);
    joined.waiting.join(call);
    return joined.positions === undefined ? joined.loaded : resultOf(joined, only).then((loaded) => [loaded]);
  };

  const joinAll = async (call: Ending, wanted: readonly W[], strong: boolean): Promise<readonly L[]> => {
    const now = clock.now();
    const shared = wanted.map(({ name }) => sharedOf(name, strong, now));
    const rest = new Map<string, W>();
    for (const [index, one] of wanted.entries()) if (shared[index] === undefined) rest.set(one.name, one);
    const own = rest.size === 0 ? undefined : begin([...rest.values()], strong);
    const joined = shared.map((flight) => flight ?? (own as Flight<L>));
    const all = [...new Set(joined)];
    for (const flight of all) flight.waiting.join(call);
    stats.shared += wanted.length - rest.size;
    await Promise.all(all.map(({ loaded }) => loaded));
    return Promise.all(joined.map((flight, index) => resultOf(flight, wanted[index] as W)));
  };

  return {
    join: (call, wanted, strong) => {
      const [only] = wanted;
      return only !== undefined && wanted.length === 1 ? joinOne(call, wanted, only, strong) : joinAll(call, wanted, strong);
    },
  };
};
