// The driver of the near cache in TypeScript, for clients/conformance: an array of commands per line of stdin, in JSON, one of answers per
// line of stdout.
import { createInterface } from "node:readline";
import { type AggregateVersion, createProtocol, type Fetch, type NearCacheProtocol } from "./protocol.ts";

/** A command; clients/conformance/README.md describes each. Times are milliseconds, a null is none. */
type Command = {
  readonly do: string;
  readonly [field: string]: unknown;
};

/** The fields of commands, by name; a command has some of them. */
type Fields = {
  readonly boundMs: number;
  readonly serverBoundMs: number;
  readonly longestCallMs: number;
  readonly maxBytes: number;
  readonly aggregateKinds: readonly string[];
  readonly ms: number;
  readonly sent: number;
  readonly answered: number;
  readonly time: number | null;
  readonly validUntil: number | null;
  readonly epoch: string;
  readonly configuration: string;
  readonly position: string;
  readonly fetch: string;
  readonly key: string;
  readonly value: string;
  readonly bytes: number;
  readonly aggregates: readonly { readonly aggregate: string; readonly version: number }[];
};

let now = 0;
let cache: NearCacheProtocol;
const fetches = new Map<string, Fetch>();

const versionsOf = ({ aggregates = [] }: Fields): readonly AggregateVersion[] =>
  aggregates.map(({ aggregate, version }) => ({ aggregate, version: BigInt(version) }));

const commands: Readonly<Record<string, (fields: Fields) => unknown>> = {
  open: ({ aggregateKinds, ...options }) => {
    now = 0;
    fetches.clear();
    cache = createProtocol({ ...options, aggregateKinds: new Set(aggregateKinds), clock: () => now });
  },
  pass: ({ ms }) => {
    now += ms;
  },
  calibrated: ({ sent, answered, time, epoch }) => cache.calibrated(sent, answered, time ?? 0, epoch),
  changed: (fields) => cache.changed(versionsOf(fields)),
  raised: (fields) => cache.raised(versionsOf(fields)),
  bookmarked: ({ position, time, epoch, configuration }) => cache.bookmarked({ position, time: time ?? undefined, epoch, configuration }),
  resumed: () => cache.resumed(),
  restarted: () => cache.restarted(),
  wrote: (fields) => cache.wrote(fields.aggregates === undefined ? undefined : versionsOf(fields).map(({ aggregate }) => aggregate)),
  began: ({ fetch }) => {
    fetches.set(fetch, cache.began());
  },
  offer: (fields) => {
    const { fetch, key, value, bytes, time, validUntil, epoch, configuration } = fields;
    const began = fetches.get(fetch);
    if (began === undefined) throw new Error(`There is no fetch ${fetch}.`);
    const aggregates = versionsOf(fields);
    const rest = { time: time ?? 0, validUntil: validUntil ?? Number.POSITIVE_INFINITY, epoch, configuration };
    return cache.offer(began, key, value, bytes, { aggregates, ...rest });
  },
  get: ({ key }) => cache.get(key),
  position: () => cache.position(),
};

/** Answers of commands that have one. */
const answering = new Set(["offer", "get", "position"]);

for await (const line of createInterface({ input: process.stdin })) {
  const answers = (JSON.parse(line) as readonly Command[]).map(({ do: name, ...fields }) => {
    const answer = commands[name]?.(fields as unknown as Fields);
    return answering.has(name) ? (answer ?? null) : null;
  });
  process.stdout.write(`${JSON.stringify(answers)}\n`);
}
