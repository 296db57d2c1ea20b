import { fileURLToPath } from "node:url";
import { create, type DescMethod, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { runNode } from "../../bench/child.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { framed } from "../server/raw-http2.ts";
import type { Target } from "./attack.ts";
import { as } from "./target.ts";

/** What a client of its own process is to call, and how often. */
export type LoadJob = {
  readonly address: string;
  readonly path: string;
  /** Framed requests in base64, sent in turn. */
  readonly bodies: readonly string[];
  readonly authorization?: string | undefined;
  readonly connections: number;
  readonly seconds: number;
  /** Calls that begin each second, whatever becomes of the others; undefined = `inFlight` calls at any time. */
  readonly perSecond?: number | undefined;
  /** Calls in flight. One that was refused comes again when the server says, as with gRPC's own retries. */
  readonly inFlight: number;
  /** False = a refused call comes again at once. */
  readonly obeys?: boolean;
  readonly timeoutMs?: number | undefined;
};

type Summary = { readonly calls: number; readonly p50: number; readonly p99: number };

/** What the client saw: calls that were sent, answered with a message, refused without one, and ended otherwise; times in milliseconds. */
export type Seen = {
  readonly sent: number;
  readonly answered: Summary;
  readonly refused: Summary;
  readonly others: Readonly<Record<string, number>>;
};

/** Runs a client to its end. */
export const runLoad = (job: LoadJob): Promise<Seen> =>
  runNode<Seen>(fileURLToPath(new URL("load-client.ts", import.meta.url)), { cpus: undefined, job });

/** Makes the parts of a job that say what is called, and by whom; undefined = by nobody. */
export const callsOf = <M extends DescMethod>(
  target: Pick<Target, "address">,
  caller: string | undefined,
  method: M,
  requests: readonly MessageInitShape<M["input"]>[],
): Pick<LoadJob, "address" | "path" | "bodies" | "authorization"> => ({
  address: formatAddress(target.address("grpc")),
  path: `/${method.parent.typeName}/${method.name}`,
  bodies: requests.map((request) =>
    Buffer.from(framed(toBinary<M["input"]>(method.input, create<M["input"]>(method.input, request)))).toString("base64"),
  ),
  authorization: caller === undefined ? undefined : as(caller).authorization,
});

/** Sums up the calls that ended otherwise than answered. */
export const failuresOf = ({ refused, others }: Seen): number =>
  refused.calls + Object.values(others).reduce((sum, calls) => sum + calls, 0);

/** The consistency of a read that asks the database. */
export const strong = { mode: { case: "fullyConsistent", value: true } } as const;
