/** A command to a near cache: clients/conformance/README.md describes each. */
export type Command = { readonly do: string; readonly [field: string]: unknown };

/** A read of a history, which its check needs: what may be answered when the read begins. */
export type Read = { readonly index: number; readonly key: string; readonly allowed: ReadonlySet<string> };

/** A history: what is told to a near cache, and what its reads may answer. */
export type History = { readonly commands: readonly Command[]; readonly reads: readonly Read[] };

const BOUND = 2_000;
const LONGEST_CALL = 1_000;
const AGGREGATES = ["user/1", "user/2", "user/3", "organization/1"];

/** Makes a generator of numbers from 0 to 1 (mulberry32). */
const randomOf = (seed: number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

/** A version of an aggregate, from the time it was committed to the time it was outdated. */
type Era = { readonly value: string; readonly version: number; readonly from: number; until: number };

/** A message of the feed on its way. */
type Message = { readonly sent: number; arrives: number; readonly commands: Command[]; readonly position: number };

/**
 * Makes a history by a seed: a database whose aggregates change, a feed whose messages are late, cut and resumed, calls whose answers come
 * from a cache and arrive late, clocks that are compared now and then, failovers and new configurations, and own writes.
 */
export const historyOf = (seed: number, steps = 400): History => {
  const random = randomOf(seed);
  const below = (most: number) => Math.floor(random() * most);
  const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T;
  const chance = (share: number) => random() < share;
  const commands: Command[] = [];
  const reads: Read[] = [];

  let now = 0;
  let offset = 1e9 + below(1e6);
  let epoch = 1;
  let configuration = 1;
  let position = 0;
  let isOpen = false;
  /** The eras of each aggregate, the current one last. */
  const eras = new Map<string, Era[]>(AGGREGATES.map((name) => [name, [{ value: "", version: 1, from: -1e9, until: Infinity }]]));
  const currentOf = (name: string): Era => eras.get(name)?.at(-1) as Era;
  /** What was committed and not given a position yet, and the log of positions. */
  let pending: { name: string; version: number }[] = [];
  let log: { position: number; name: string; version: number }[] = [];
  let messages: Message[] = [];
  let reached = 0;
  let fetches: { id: string; name: string; arrives: number; time: number; era: Era; epoch: number; configuration: number }[] = [];
  let floors = new Map<string, number>();
  let ids = 0;
  /** The database before the last failover. */
  let old: { epoch: number; offset: number; eras: Map<string, Era> } | undefined;

  const contentOf = (name: string, version: number) => `${name}@${epoch}.${version}`;
  for (const name of AGGREGATES) eras.set(name, [{ value: contentOf(name, 1), version: 1, from: -1e9, until: Infinity }]);

  const commit = (name: string): number => {
    const before = currentOf(name);
    before.until = now;
    const version = before.version + 1;
    eras.get(name)?.push({ value: contentOf(name, version), version, from: now, until: Infinity });
    pending.push({ name, version });
    return version;
  };
  const bookmark = (at: number | null, reachedPosition: number): Command => ({
    do: "bookmarked",
    position: `p${epoch}.${reachedPosition}`,
    time: at === null ? null : at + offset,
    epoch: `e${epoch}`,
    configuration: `c${configuration}`,
  });
  const changed = (entries: readonly { name: string; version: number }[]): Command => ({
    do: "changed",
    aggregates: entries.map(({ name, version }) => ({ aggregate: name, version })),
  });
  const send = (list: Command[], upTo: number) => {
    // A stream is in order: no message arrives before the one that was sent before it.
    const earliest = Math.max(now, messages.at(-1)?.arrives ?? 0);
    messages.push({
      sent: now,
      arrives: Math.max(earliest, now + (chance(0.1) ? below(3_000) : below(60))),
      commands: list,
      position: upTo,
    });
  };
  /** A pass of the sequencer: the last part of its batch has its time, which is that of its beginning. */
  const sequence = () => {
    const began = now - below(20);
    const batch = pending.filter(({ name, version }) => (eras.get(name)?.find((era) => era.version === version)?.from ?? 0) <= now);
    pending = [];
    for (const entry of batch) log.push({ position: ++position, ...entry });
    if (!isOpen) return;
    const cut = below(batch.length + 1);
    if (cut > 0) send([changed(batch.slice(0, cut))], position - batch.length + cut);
    // What was committed after the pass began may be in the batch or not: its time vouches for what came before.
    send([changed(batch.slice(cut)), bookmark(chance(0.1) ? null : began, position)], position);
  };
  const calibrate = () => {
    const sent = now - below(30);
    commands.push({ do: "calibrated", sent, answered: now, time: sent + below(now - sent + 1) + offset, epoch: `e${epoch}` });
  };
  const open = () => {
    isOpen = true;
    messages = [];
    const canResume = reached > 0 && chance(0.7);
    if (!canResume) {
      commands.push({ do: "restarted" });
      if (chance(0.8)) calibrate();
      send([bookmark(null, position)], position);
      reached = position;
      return;
    }
    commands.push({ do: "resumed" });
    const missed = log.filter((entry) => entry.position > reached);
    send([changed(missed), bookmark(null, position)], position);
  };
  const close = () => {
    isOpen = false;
    messages = [];
  };
  const failOver = () => {
    // The new database lost the last commits, and its clock is another one. Some process may still read the old one.
    old = { epoch, offset, eras: new Map(AGGREGATES.map((name) => [name, currentOf(name)])) };
    epoch += 1;
    offset += below(10_000) - 5_000;
    position = 0;
    reached = 0;
    pending = [];
    log = [];
    messages = [];
    if (chance(0.5)) close();
    for (const name of AGGREGATES) {
      const before = currentOf(name);
      before.until = now;
      const version = Math.max(1, before.version - below(2));
      eras.get(name)?.push({ value: contentOf(name, version), version, from: now, until: Infinity });
    }
    floors = new Map();
  };
  const fetch = () => {
    const name = pick(AGGREGATES);
    const id = `f${++ids}`;
    commands.push({ do: "began", fetch: id });
    if (old !== undefined && chance(0.1)) {
      const era = old.eras.get(name) as Era;
      fetches.push({ id, name, era, time: now + old.offset, arrives: now + below(LONGEST_CALL), epoch: old.epoch, configuration });
      return;
    }
    // The service may answer from its cache, which is as old as its bound at most, and not older than this epoch or an own write.
    const at = now - (chance(0.5) ? 0 : below(BOUND));
    const era = [...(eras.get(name) ?? [])].reverse().find(({ from }) => from <= at) as Era;
    const isOfEpoch = era.value.startsWith(`${name}@${epoch}.`);
    if (!isOfEpoch || era.version < (floors.get(name) ?? 0)) return;
    fetches.push({ id, name, era, time: at + offset, arrives: now + below(LONGEST_CALL), epoch, configuration });
  };
  const arrive = () => {
    for (const one of fetches.filter(({ arrives }) => arrives <= now)) {
      commands.push({
        do: "offer",
        fetch: one.id,
        key: one.name,
        value: one.era.value,
        bytes: 100,
        aggregates: [{ aggregate: one.name, version: one.era.version }],
        time: one.time,
        validUntil: null,
        epoch: `e${one.epoch}`,
        configuration: `c${one.configuration}`,
      });
    }
    fetches = fetches.filter(({ arrives }) => arrives > now);
    for (const message of messages.filter(({ arrives }) => arrives <= now)) {
      commands.push(...message.commands);
      reached = message.position;
    }
    messages = messages.filter(({ arrives }) => arrives > now);
  };
  const write = () => {
    const name = pick(AGGREGATES);
    const version = commit(name);
    if (chance(0.5)) commands.push({ do: "raised", aggregates: [{ aggregate: name, version }] });
    else commands.push({ do: "wrote", aggregates: [{ aggregate: name, version: 0 }] });
    floors.set(name, version);
  };
  const read = () => {
    for (const name of AGGREGATES) {
      const floor = floors.get(name) ?? 0;
      const allowed = (eras.get(name) ?? []).filter(({ until, value, version }) => {
        const isOfEpoch = value.startsWith(`${name}@${epoch}.`);
        return until >= now - BOUND && (!isOfEpoch || version >= floor);
      });
      reads.push({ index: commands.length, key: name, allowed: new Set(allowed.map(({ value }) => value)) });
      commands.push({ do: "get", key: name });
    }
  };

  commands.push({
    do: "open",
    boundMs: BOUND,
    serverBoundMs: BOUND,
    longestCallMs: LONGEST_CALL,
    maxBytes: 1_000_000,
    aggregateKinds: ["user", "organization"],
  });
  for (let step = 0; step < steps; step += 1) {
    const ms = 1 + below(chance(0.02) ? 2_500 : 120);
    now += ms;
    commands.push({ do: "pass", ms });
    arrive();
    if (!isOpen && chance(0.3)) open();
    else if (isOpen && chance(0.02)) close();
    if (chance(0.01)) failOver();
    if (chance(0.01)) configuration += 1;
    if (chance(0.25)) commit(pick(AGGREGATES));
    if (chance(0.05)) write();
    if (chance(0.6)) sequence();
    if (chance(0.05)) calibrate();
    if (chance(0.5)) fetch();
    read();
  }
  return { commands, reads };
};
