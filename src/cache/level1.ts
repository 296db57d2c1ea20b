import Keyv from "keyv";
import { LRUCache } from "lru-cache";
import type { Lease } from "./lease.ts";

/**
 * The cached content of one part of an aggregate at one version. Its content never changes, and it answers only reads of its `name` (invariants I4 and
 * I11 of docs/consistency.md).
 */
export type Entry<V = unknown> = {
  readonly name: string;
  /** The name of the aggregate, whose lease tells how long the entry may answer. */
  readonly aggregateName: string;
  readonly epoch: string;
  readonly version: bigint;
  /** The last time at which the content was shown to be the newest, by the monotonic clock of this process. Only `confirm` changes it. */
  readonly time: number;
  /** The same time by the clock of the database, in milliseconds since the epoch. */
  readonly databaseTime: number;
  readonly content: V;
  /** The memory that the entry takes, in bytes, roughly. */
  readonly bytes: number;
};

/** The memory that plain data takes, roughly, in bytes. */
const bytesOf = (content: unknown): number => {
  if (typeof content === "string") return 24 + content.length;
  if (typeof content !== "object" || content === null) return 8;
  let bytes = 48;
  for (const member of Object.values(content)) bytes += 16 + bytesOf(member);
  return bytes;
};

/** Estimates the memory, in bytes, of plain content together with the messages made from it and their encoded bytes. */
export const preparedBytes = (content: unknown): number => bytesOf(content) * 3;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The place of an aggregate's lease. It is empty when the cache has no lease of the aggregate, or has one in a newer place. */
type LeaseSlot = { lease: Mutable<Lease> | undefined };

/**
 * Changes a lease in its place. It lives as long as what is cached of its aggregate, and a new object for each load would soon be old garbage, which
 * only a full collection finds.
 */
const set = (lease: Mutable<Lease>, { epoch, version, time, databaseTime }: Lease): void => {
  lease.epoch = epoch;
  // The same number may be another object.
  if (lease.version !== version) lease.version = version;
  lease.time = time;
  lease.databaseTime = databaseTime;
};

/** An entry in memory, and the place of its aggregate's lease: a hit looks up one name, not two. */
type Held = { readonly value: Entry; readonly slot: Readonly<LeaseSlot> };

/** The cache in the memory of this process: the lease of each aggregate, and the newest entry of each of the aggregate's parts. */
export type Level1 = {
  readonly lease: (aggregate: string) => Lease | undefined;
  /** Sets the lease of an aggregate. Who has asked for it before has the same object, with what it is now. */
  readonly renew: (aggregate: string, lease: Lease) => void;
  /** Returns the entry of a name with its lease, without a promise, which would cost a third of the throughput of hits. */
  readonly held: (name: string) => Held | undefined;
  readonly entry: (name: string) => Entry | undefined;
  readonly put: (entry: Entry) => void;
  /** Notes that an entry in memory was shown to be the newest again. It expires no later for it. */
  readonly confirm: (entry: Entry, shown: Pick<Lease, "time" | "databaseTime">) => void;
  /** Makes every lease too old for all reads, since the times of leases are not known any more. Entries and versions stay. */
  readonly distrust: () => void;
  /** Deletes every lease: the versions of leases say nothing in another epoch. */
  readonly forget: () => void;
  /** Deletes the entries whose time is over. Nobody reads them, but what they hold of a user that was purged would stay. */
  readonly expire: () => void;
  readonly entries: () => number;
  readonly bytes: () => number;
};

/** An entry as Keyv hands it to its store: the value as it is, since nothing is serialized. */
type Stored = { readonly value: Entry };

/** The memory of an entry besides its content, in bytes: keys, the nodes of the LRU, and Keyv's envelope. */
const ENTRY_BYTES = 400;
/** The memory of a lease, in bytes. */
const LEASE_BYTES = 300;

/**
 * The bytes that the process takes for one byte in use. V8 keeps nearly half as much again, in garbage between two full
 * collections (src/heap.ts bounds it to 30 %) and in holes of its pages. Measured by the bench's row `memory`.
 */
const RESIDENT_FACTOR = 1.5;

/** Makes the first level of the cache, which takes at most `maxBytes` of the memory of the process. Its entries expire after `ttlMs`. */
export const createLevel1 = ({ maxBytes, ttlMs }: { readonly maxBytes: number; readonly ttlMs: number }): Level1 => {
  const bytesInUse = maxBytes / RESIDENT_FACTOR;
  const leases = new LRUCache<string, LeaseSlot>({
    max: Math.max(1_000, Math.floor(bytesInUse / 4 / LEASE_BYTES)),
    // Entries hold the slot: what is not the lease of the aggregate any more must answer nothing.
    dispose: (slot) => {
      slot.lease = undefined;
    },
  });
  const slotOf = (aggregate: string): LeaseSlot => {
    const known = leases.get(aggregate);
    if (known !== undefined) return known;
    const slot: LeaseSlot = { lease: undefined };
    leases.set(aggregate, slot);
    return slot;
  };
  const memory = new LRUCache<string, Held>({
    maxSize: Math.floor((bytesInUse * 3) / 4),
    sizeCalculation: ({ value }) => value.bytes + value.name.length + ENTRY_BYTES,
    ttl: ttlMs,
    ttlResolution: 1_000,
  });
  const store = {
    get: (name: string) => memory.get(name),
    set: (name: string, { value }: Stored, ttl?: number) =>
      memory.set(name, { value, slot: slotOf(value.aggregateName) }, ttl === undefined ? {} : { ttl }),
    delete: (name: string) => memory.delete(name),
    clear: () => memory.clear(),
  };
  // Serialization is off, so that what is read is what was written: frozen, and the same for everybody.
  const keyv = new Keyv<Entry>({ store, useKeyPrefix: false });
  keyv.serialize = undefined;
  keyv.deserialize = undefined;
  return {
    // Of both, what is used is set anew at least once in each time of the bound. So a hit need not move it to the front.
    lease: (aggregate) => leases.peek(aggregate)?.lease,
    renew: (aggregate, lease) => {
      const slot = slotOf(aggregate);
      if (slot.lease === undefined) {
        // Without what else it may carry: that would stay as long as the lease.
        const { epoch, version, time, databaseTime } = lease;
        slot.lease = { epoch, version, time, databaseTime };
      } else set(slot.lease, lease);
    },
    held: (name) => memory.peek(name),
    entry: (name) => memory.peek(name)?.value,
    put: (entry) => void keyv.set(entry.name, entry, ttlMs),
    confirm: (entry, { time, databaseTime }) => {
      const confirmed = entry as Mutable<Entry>;
      confirmed.time = Math.max(entry.time, time);
      confirmed.databaseTime = Math.max(entry.databaseTime, databaseTime);
      // Moves it to the front: what is used leaves the memory last.
      memory.get(entry.name);
    },
    distrust: () => {
      // The versions stay: a load that is on its way must not bring back what was overwritten.
      for (const { lease } of leases.values()) if (lease) set(lease, { ...lease, time: -Infinity, databaseTime: -Infinity });
    },
    forget: () => leases.clear(),
    expire: () => void memory.purgeStale(),
    entries: () => memory.size,
    bytes: () => (memory.calculatedSize + leases.size * LEASE_BYTES) * RESIDENT_FACTOR,
  };
};
