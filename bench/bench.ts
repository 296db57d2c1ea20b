import type { Pins } from "./cpus.ts";
import type { LoadGenerator } from "./load/load.ts";
import type { OwnClient } from "./load/own.ts";
import type { Side } from "./rounds.ts";
import type { Seed } from "./seed.ts";
import type { Service } from "./service.ts";

/** What a row has to work with. */
export type Bench = {
  readonly service: Service;
  readonly pins: Pins;
  /** For rows that send the same request again and again. */
  readonly load: LoadGenerator;
  /** For rows whose requests have to differ. */
  readonly varying: OwnClient;
  readonly seed: Seed;
};

/** Figures beside the ratio, by the name that `--json` gives them. */
export type Details = Readonly<Record<string, number>>;

/** A row, ready to be measured; its servers run until it is disposed. */
export type Prepared = AsyncDisposable & {
  readonly userd: Side;
  readonly yardstick: Side;
  /** How the load is made, in a few words. */
  readonly load: string;
  /** What else the rounds have shown; asked for when they are over. */
  readonly details?: () => Details;
};

/** What a row is that compares no speeds. */
export type Gauge = { readonly value: number; readonly yardstick: number; readonly details: Details };

type RowBase = {
  /** As `--only` and `--json` know it. */
  readonly name: string;
  /** What userd is held against, in a few words. */
  readonly yardstick: string;
  /** What the ratio is to be; it is printed, and ends nothing. */
  readonly goal?: { readonly atLeast: number } | { readonly atMost: number };
  /** Why the row can't be measured on this machine; undefined = it can. */
  readonly skip?: () => string | undefined;
};

/** A row that compares speeds. */
export type SpeedRow = RowBase & {
  /** Option values that one call carries; above 1 the row is counted in values. */
  readonly valuesPerCall: number;
  /** @throws Error when the first call does not answer what it should. */
  readonly prepare: (bench: Bench) => Promise<Prepared>;
};

/** A row that measures something else, once. */
export type GaugeRow = RowBase & {
  readonly unit: string;
  readonly gauge: (bench: Bench, progress: (done: string) => void) => Promise<Gauge>;
};

/** One row of the table. To add one, write a file beside the others and name it in rows/index.ts. */
export type Row = SpeedRow | GaugeRow;
