import { fileURLToPath } from "node:url";
import { runNode, startNode } from "../child.ts";
import { type LoadGenerator, type LoadOptions, type LoadResult, type Stamp, type Target, warmUpMs } from "./load.ts";

/** What client.ts is told. */
export type ClientJob = {
  readonly address: string;
  readonly path: string;
  readonly connections: number;
  readonly streams: number;
  readonly bodies: readonly { readonly base64: string; readonly stamp?: Stamp | undefined }[];
  readonly ca?: string;
  readonly status?: string;
  /** For a while, bodies in turn; or until each body was sent once. */
  readonly length: { readonly once: true } | { readonly once: false; readonly warmUpMs: number; readonly milliseconds: number };
  /** From how many milliseconds on a call is slow. */
  readonly slowMs: number;
  /** Counts calls that fail instead of ending at the first. */
  readonly countsErrors?: boolean;
  /** Prints a line when the calls begin to count. */
  readonly tellsWhenWarm?: boolean;
};

/** What client.ts prints. */
export type ClientResult = LoadResult & {
  readonly slowestMs: number;
  /** How many of the calls were slow. */
  readonly slow: number;
  /** Calls that failed; they are not among `calls`. */
  readonly errors: number;
};

/** A call that takes this long, in milliseconds, has waited for the shared cache: its budget is 50 ms. */
export const slowMs = 45;

/** Our own client: it can do more than a load generator has to. */
export type OwnClient = LoadGenerator & {
  /** Calls that fail are counted; `whenWarm` happens at the moment from which calls count. */
  readonly runThrough: (target: Target, options: LoadOptions, whenWarm: () => void) => Promise<ClientResult>;
  /** Sends each body once. */
  readonly sendAll: (target: Target) => Promise<ClientResult>;
};

const client = fileURLToPath(new URL("client.ts", import.meta.url));

const jobOf = ({ bodies, ...target }: Target, length: ClientJob["length"]): ClientJob => ({
  ...target,
  length,
  slowMs,
  bodies: bodies.map(({ bytes, stamp }) => ({ base64: Buffer.from(bytes).toString("base64"), stamp })),
});

const during = ({ seconds }: LoadOptions): ClientJob["length"] => ({ once: false, warmUpMs, milliseconds: seconds * 1_000 });

/** Our own client over node:http2: it varies what it sends and looks at the status of every call. */
export const createOwnClient = (cpus: string | undefined): OwnClient => ({
  name: "our own client over node:http2",
  run: (target, options) => runNode<ClientResult>(client, { cpus, job: jobOf(target, during(options)) }),
  runThrough: async (target, options, whenWarm) => {
    const job: ClientJob = { ...jobOf(target, during(options)), countsErrors: true, tellsWhenWarm: true };
    await using child = startNode(client, [], { cpus, job });
    await child.nextLine();
    whenWarm();
    return JSON.parse(await child.nextLine()) as ClientResult;
  },
  sendAll: (target) => runNode<ClientResult>(client, { cpus, job: jobOf(target, { once: true }) }),
});
