import type { Pins } from "./cpus.ts";
import type { LoadGenerator } from "./load/load.ts";
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
  readonly varying: LoadGenerator;
  readonly seed: Seed;
};

/** A row, ready to be measured; its servers run until it is disposed. */
export type Prepared = AsyncDisposable & {
  readonly userd: Side;
  readonly yardstick: Side;
  /** How the load is made, in a few words. */
  readonly load: string;
};

/** One row of the table. To add one, write a file beside the others and name it in rows/index.ts. */
export type Row = {
  /** As `--only` and `--json` know it. */
  readonly name: string;
  /** What userd is held against, in a few words. */
  readonly yardstick: string;
  /** Option values that one call carries; above 1 the row is counted in values. */
  readonly valuesPerCall: number;
  /** @throws Error when the first call does not answer what it should. */
  readonly prepare: (bench: Bench) => Promise<Prepared>;
};
