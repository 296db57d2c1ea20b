import { expect, test } from "vitest";
import {
  type AggregateVersion,
  type Bookmark,
  type Certificate,
  createProtocol,
  type ProtocolOptions,
} from "../../clients/typescript/src/near-cache/protocol.ts";

/** The database's clock is that far ahead of the process's. */
const OFFSET = 1_000_000;
const BOUND = 2_000;
/** The margins for clocks that drift apart. */
const SLACK = 100;

const at = (aggregate: string, version: number): AggregateVersion => ({ aggregate, version: BigInt(version) });

/** A near cache under a clock that the test sets, whose stream has begun, unless the test says otherwise. */
const world = (options: Partial<ProtocolOptions> = {}, isLive = true) => {
  let now = 0;
  const cache = createProtocol({
    boundMs: BOUND,
    serverBoundMs: BOUND,
    longestCallMs: 1_000,
    maxBytes: 10_000,
    aggregateKinds: new Set(["user", "organization"]),
    clock: () => now,
    ...options,
  });
  const database = () => now + OFFSET;
  const calibrate = (ahead = OFFSET, epoch = "e1") => cache.calibrated(now - 4, now, now - 2 + ahead, epoch);
  const bookmark = (fields: Partial<Bookmark> = {}) =>
    cache.bookmarked({ position: `p${now}`, time: database() - 10, epoch: "e1", configuration: "c1", ...fields });
  const certificate = (fields: Partial<Certificate> = {}): Certificate => ({
    aggregates: [at("user/1", 5)],
    time: database(),
    validUntil: Number.POSITIVE_INFINITY,
    epoch: "e1",
    configuration: "c1",
    ...fields,
  });
  const offer = (fields: Partial<Certificate> = {}, key = "k", fetch = cache.began()) =>
    cache.offer(fetch, key, `value of ${key}`, 100, certificate(fields));
  const pass = (ms: number) => {
    now += ms;
  };
  /** Time passes while the stream delivers bookmarks and the clock is compared. */
  const live = (ms: number) => {
    for (let passed = 0; passed < ms; passed += 500) {
      pass(500);
      if (passed % 10_000 === 0) calibrate();
      bookmark();
    }
  };
  if (isLive) {
    calibrate();
    cache.restarted();
    calibrate();
    bookmark();
    pass(SLACK);
  }
  return { cache, calibrate, bookmark, certificate, offer, pass, live, database };
};

test("an entry lives as long as the feed renews it, and for the bound after that", () => {
  const { cache, offer, live, pass } = world();
  expect(offer()).toBe("kept");
  live(600_000);
  expect(cache.get("k")).toBe("value of k");
  pass(BOUND - SLACK);
  expect(cache.get("k")).toBe("value of k");
  pass(SLACK);
  expect(cache.get("k")).toBeUndefined();
});

test("a change outdates the entries that rest on an older version of its aggregate, and no others", () => {
  const { cache, offer } = world();
  offer({ aggregates: [at("user/1", 5), at("organization/7", 1)] }, "both");
  offer({ aggregates: [at("user/2", 9)] }, "other");
  cache.changed([at("organization/7", 1), at("user/2", 9), at("user/3", 1)]);
  expect([cache.get("both"), cache.get("other")]).toEqual(["value of both", "value of other"]);
  cache.changed([at("organization/7", 2)]);
  expect([cache.get("both"), cache.get("other")]).toEqual([undefined, "value of other"]);
});

test("changes, and bookmarks without a time, renew nothing", () => {
  const { cache, offer, pass, bookmark, calibrate } = world();
  offer();
  for (let passed = 0; passed < BOUND; passed += 100) {
    pass(100);
    cache.changed([at("user/9", passed)]);
    bookmark({ time: undefined });
    calibrate();
  }
  expect(cache.get("k")).toBeUndefined();
});

test("a bookmark that was long on its way vouches for its own time, not for that of its arrival", () => {
  const { cache, offer, pass, bookmark, database, live } = world();
  offer();
  live(1_000);
  const sent = database();
  pass(BOUND);
  bookmark({ time: sent });
  expect(cache.get("k")).toBeUndefined();
});

test("an answer that arrives after the change that outdates it is not kept", () => {
  const { cache, offer, live } = world();
  const fetch = cache.began();
  live(500);
  cache.changed([at("user/1", 6)]);
  live(500);
  expect(offer({}, "k", fetch)).toBe("outdated");
  expect(offer({ aggregates: [at("user/1", 6)] })).toBe("kept");
});

test("an answer that is older than what is remembered is not kept: its change may be forgotten", () => {
  const { cache, offer, live, database } = world();
  const old = database();
  live(1_000);
  cache.changed([at("user/1", 6)]);
  live(20_000);
  expect(offer({ time: old })).toBe("too old");
  expect(offer({ time: old, aggregates: [at("user/2", 1)] })).toBe("too old");
});

test("an answer from before the stream began is not kept: a change after it may never be delivered", () => {
  const { cache, offer, database, pass, bookmark, calibrate } = world({}, false);
  expect(offer()).toBe("not watching");
  cache.restarted();
  const before = database();
  pass(10);
  // The stream begins before the time of the database is known.
  bookmark();
  expect(offer()).toBe("not watching");
  calibrate();
  expect(offer()).toBe("too old");
  pass(100);
  bookmark();
  expect(offer({ time: before })).toBe("too old");
  pass(SLACK);
  expect(offer()).toBe("kept");
  expect(cache.get("k")).toBe("value of k");
});

test("answers of another epoch or configuration are not kept, and a bookmark of another one drops all", () => {
  const { cache, offer, bookmark, calibrate, pass } = world();
  expect(offer({ epoch: "e0" })).toBe("other epoch");
  expect(offer({ configuration: "c0" })).toBe("other epoch");
  expect(offer()).toBe("kept");
  const fetch = cache.began();
  bookmark({ configuration: "c2" });
  expect(cache.get("k")).toBeUndefined();
  expect(offer({ configuration: "c2" }, "k", fetch)).toBe("not watching");
  expect(offer({ configuration: "c2" })).toBe("kept");
  bookmark({ configuration: "c2", epoch: "e2" });
  expect(cache.get("k")).toBeUndefined();
  // The clock of another database is another one: it has to be learned.
  pass(SLACK);
  expect(offer({ configuration: "c2", epoch: "e2" })).toBe("not watching");
  calibrate(OFFSET, "e1");
  bookmark({ configuration: "c2", epoch: "e2" });
  expect(cache.needsTime()).toBe(true);
  calibrate(OFFSET, "e2");
  bookmark({ configuration: "c2", epoch: "e2" });
  pass(SLACK);
  expect(offer({ configuration: "c2", epoch: "e2" })).toBe("kept");
});

test("entries live on over a stream that is resumed, and not over one that begins anew", () => {
  const { cache, offer, bookmark, pass } = world();
  offer();
  const position = cache.position();
  pass(BOUND + SLACK);
  expect(cache.get("k")).toBeUndefined();
  cache.resumed();
  // Behind the head, the stream vouches for nothing.
  bookmark({ time: undefined });
  expect(cache.get("k")).toBeUndefined();
  bookmark();
  expect(cache.get("k")).toBe("value of k");
  expect(cache.position()).not.toBe(position);
  cache.restarted();
  expect(cache.position()).toBeUndefined();
  bookmark();
  expect(cache.get("k")).toBeUndefined();
});

test("an own write drops what rests on it at once, and no fetch from before brings it back", () => {
  const { cache, offer } = world();
  offer();
  const slow = cache.began();
  cache.wrote(["user/1"]);
  expect(cache.get("k")).toBeUndefined();
  expect(offer({}, "k", slow)).toBe("written meanwhile");
});

test("a floor by version is not lowered by a slow fetch, nor by a smaller one", () => {
  const { cache, offer, pass } = world();
  offer();
  const slow = cache.began();
  cache.raised([at("user/1", 7)]);
  cache.raised([at("user/1", 6)]);
  expect(cache.get("k")).toBeUndefined();
  expect(offer({}, "k", slow)).toBe("outdated");
  pass(1);
  expect(offer({ aggregates: [at("user/1", 6)] })).toBe("outdated");
  expect(offer({ aggregates: [at("user/1", 7)] })).toBe("kept");
});

test("a write of something unknown drops all, and what was being fetched", () => {
  const { cache, offer, pass } = world();
  offer();
  const slow = cache.began();
  cache.wrote(undefined);
  expect(cache.get("k")).toBeUndefined();
  expect(offer({}, "k", slow)).toBe("written meanwhile");
  pass(1);
  expect(offer()).toBe("kept");
});

test("an answer that rests on a kind that the feed is not asked for is not kept", () => {
  const { offer } = world();
  expect(offer({ aggregates: [at("user/1", 5), at("account/3", 1)] })).toBe("other kind");
});

test("an answer ends when something in it expires", () => {
  const { cache, offer, database, pass, bookmark } = world();
  offer({ validUntil: database() + 1_000 });
  expect(cache.get("k")).toBe("value of k");
  pass(1_000 - SLACK / 2);
  bookmark();
  pass(SLACK / 2);
  expect(cache.get("k")).toBeUndefined();
});

test.for([3_600_000, -3_600_000, 5_000, -5_000])("a clock of the database that jumps by %i ms makes no entry younger", (jump) => {
  const { cache, offer, pass, bookmark, calibrate, database } = world();
  offer();
  pass(200);
  bookmark({ time: database() + jump });
  // Nothing is delivered any more.
  pass(BOUND + SLACK);
  expect(cache.get("k")).toBeUndefined();
  calibrate(OFFSET + jump);
  pass(1);
  expect(cache.get("k")).toBeUndefined();
  bookmark({ time: database() + jump });
  pass(SLACK);
  expect(offer({ time: database() + jump })).toBe("kept");
  expect(cache.get("k")).toBe("value of k");
});

test("without the database's time nothing is answered, and what comes meanwhile is not forgotten", () => {
  const { cache, offer, pass, bookmark, calibrate } = world();
  offer();
  const fetch = cache.began();
  for (let passed = 0; passed <= 61_000; passed += 500) {
    pass(500);
    bookmark();
  }
  expect(cache.get("k")).toBeUndefined();
  cache.changed([at("user/1", 6)]);
  calibrate();
  bookmark();
  expect(offer({}, "k", fetch)).toBe("not watching");
  expect(offer({ aggregates: [at("user/1", 6)] })).toBe("too old");
  pass(SLACK);
  expect(offer({ aggregates: [at("user/1", 6)] })).toBe("kept");
});

test("the memory is bounded: the least recently read entries go, and one that is too large is not kept", () => {
  const { cache, certificate, offer } = world({ maxBytes: 300 });
  for (const key of ["a", "b", "c"]) offer({}, key);
  cache.get("a");
  offer({}, "d");
  expect(["a", "b", "c", "d"].filter((key) => cache.get(key) !== undefined)).toEqual(["a", "c", "d"]);
  cache.offer(cache.began(), "large", "large", 301, certificate());
  expect(cache.get("large")).toBeUndefined();
  expect(cache.stats()).toMatchObject({ entries: 3, bytes: 300 });
  cache.changed([at("user/1", 6)]);
  expect(cache.stats()).toMatchObject({ entries: 0, bytes: 0 });
});

test("an answer of another read's fetch serves only reads that it is young enough for", () => {
  const { cache, certificate, pass } = world();
  const young = certificate();
  expect(cache.serves(young, 200)).toBe(true);
  pass(BOUND);
  expect(cache.serves(young, 200 + BOUND)).toBe(false);
});
