import { aggregateKey } from "../../../src/versions/aggregate.ts";
import { aggregateOf, type Content, type Key, PARTS } from "./content.ts";
import { DatabaseFailure, epochName } from "./database.ts";
import type { History, Read } from "./history.ts";
import type { Reached } from "./process.ts";
import { slackOf } from "./slack.ts";

/** Tells what breaks an invariant. */
export type Report = (problem: string, read?: Read) => void;

/** One invariant over a whole history. */
export type Invariant = (history: History, report: Report) => void;

const epochOf = ({ epoch }: { readonly epoch: string }): number => Number(epoch.at(-1)) - 1;

const hasReached = (answer: Content, { epoch, version }: Reached): boolean =>
  epochOf(answer) > epoch || (epochOf(answer) === epoch && answer.version >= version);

/** Runs a check for every content of every answer. */
const eachAnswer = ({ reads }: History, check: (answer: Content, key: Key, read: Read) => void): void => {
  for (const read of reads) for (const [index, answer] of (read.answer ?? []).entries()) check(answer, read.keys[index] as Key, read);
};

const nameOf = ({ aggregate, part }: Key): string => `${aggregate}/${part}`;

/** I1: contents of one version are the same, whoever was answered. */
const bumpInTransaction: Invariant = (history, report) => {
  const seen = new Map<string, number>();
  eachAnswer(history, (answer, _key, read) => {
    if (answer.partial) return;
    const name = `${answer.epoch} ${nameOf(answer)} version ${answer.version}`;
    const other = seen.get(name) ?? answer.serial;
    seen.set(name, other);
    if (other !== answer.serial) report(`${name} is ${other} and ${answer.serial}`, read);
  });
};

/** I2: in one epoch a commit has a larger version than the ones before it. */
const versionOrder: Invariant = ({ truth }, report) => {
  for (let epoch = 0; epoch < truth.epochs(); epoch += 1) {
    for (let aggregate = 0; truth.states(epoch, aggregate).length > 0; aggregate += 1) {
      const states = truth.states(epoch, aggregate);
      for (const [index, { version }] of states.entries()) {
        const before = states[index - 1];
        if (before !== undefined && before.version >= version)
          report(`aggregate ${aggregate}: ${version} was committed after ${before.version}`);
      }
    }
  }
};

type StoredEntry = { readonly version: bigint; readonly epoch: string; readonly content?: Content };
type StoredLease = { readonly version: bigint; readonly databaseTime: number };

/** I3: what is stored under a version is the snapshot at that version. */
const exactSnapshot: Invariant = ({ stored, truth }, report) => {
  for (const { value } of stored) {
    const { version, epoch, content } = value as StoredEntry;
    if (content === undefined || content.partial) continue;
    const states = truth.states(epochOf({ epoch }), content.aggregate).filter((state) => state.version === version);
    if (!states.some(({ serials }) => serials[content.part] === content.serial)) {
      report(`${nameOf(content)} is stored as version ${version} with ${content.serial}`);
    }
  }
};

/** I4: what is handed out is what was read, whoever had it in between. */
const entriesNeverChange: Invariant = (history, report) =>
  eachAnswer(history, (answer, key, read) => {
    if (answer.inner.serial !== answer.serial) report(`${nameOf(key)} has been altered`, read);
  });

/** I5: what a stored lease says of the primary, at the time that it names, was so. */
const primaryVouches: Invariant = ({ stored, truth }, report) => {
  for (const { key, value } of stored) {
    const { version, databaseTime } = value as StoredLease;
    if (databaseTime === undefined || databaseTime === -Infinity) continue;
    for (let epoch = 0; epoch < truth.epochs(); epoch += 1) {
      const moment = key.includes(epochName(epoch)) ? truth.momentOf(epoch, databaseTime) : undefined;
      for (let aggregate = 0; moment !== undefined && truth.states(epoch, aggregate).length > 0; aggregate += 1) {
        if (!key.endsWith(aggregateKey(aggregateOf(aggregate)))) continue;
        const was = truth.states(epoch, aggregate).findLast(({ from }) => from < moment);
        if (was !== undefined && was.version > version) report(`aggregate ${aggregate} was at ${was.version}, leased is ${version}`);
      }
    }
  }
};

/** I6: a default answer was current at some moment since the bound before the read began. */
const boundedStaleness: Invariant = (history, report) =>
  eachAnswer(history, (answer, key, read) => {
    if (read.stale) return;
    const since = read.begin - history.boundMs - slackOf(history, read);
    if (!history.truth.wasCurrent(key, answer.serial, since, read.end))
      report(`${nameOf(key)} ${answer.serial} was not current since ${since}`, read);
  });

/** A strong answer was current at some moment of the read; so is that to a token of another epoch. */
const strongReads: Invariant = (history, report) =>
  eachAnswer(history, (answer, key, read) => {
    const isStrong = read.strong || (read.tokenEpoch !== undefined && read.tokenEpoch !== answer.epoch);
    if (isStrong && !history.truth.wasCurrent(key, answer.serial, read.begin, read.end))
      report(`${nameOf(key)} ${answer.serial} was not current`, read);
  });

/** I7: an answer has reached what was acknowledged with the token. */
const tokenRespected: Invariant = (history, report) =>
  eachAnswer(history, (answer, key, read) => {
    const floor = read.acknowledged.get(key.aggregate);
    if (floor === undefined || answer.epoch !== read.tokenEpoch || hasReached(answer, floor)) return;
    report(`${nameOf(key)} at ${answer.version}, the token stands for ${floor.version}`, read);
  });

/** I8: a session that shows what it was answered is not answered anything older. */
const monotoneSessions: Invariant = (history, report) =>
  eachAnswer(history, (answer, key, read) => {
    const before = read.answered.get(key.aggregate);
    if (before !== undefined && !hasReached(answer, before)) report(`${nameOf(key)} at ${answer.version} after ${before.version}`, read);
  });

/** After a write was acknowledged, the process that wrote answers with it, unless it says that its answer is stale. */
const ownWrites: Invariant = (history, report) =>
  eachAnswer(history, (answer, key, read) => {
    const written = read.written.get(key.aggregate);
    if (read.stale || written === undefined || hasReached(answer, written)) return;
    report(`${nameOf(key)} at ${answer.epoch} ${answer.version}, written was ${epochName(written.epoch)} ${written.version}`, read);
  });

/** I9: stale answers are given only to who takes them, are as old as they say, and are not older than was taken. */
const staleIsMarked: Invariant = (history, report) =>
  eachAnswer(history, (answer, key, read) => {
    const { stale, maxStaleMs, ageMs, begin, end, strong } = read;
    if (stale && (maxStaleMs === undefined || strong)) report(`${nameOf(key)} is stale for somebody who did not ask`, read);
    if (stale && key.part === PARTS.length - 1) report(`${nameOf(key)} must not be stale`, read);
    if (maxStaleMs === undefined) return;
    const slack = slackOf(history, read);
    const isOlderThan = (age: number, moment: number) => !history.truth.wasCurrent(key, answer.serial, moment - age * 1.0004 - slack, end);
    if (stale && isOlderThan(maxStaleMs, end)) report(`${nameOf(key)} is older than ${maxStaleMs} ms`, read);
    if (isOlderThan(ageMs, end)) report(`${nameOf(key)} is older than ${ageMs} ms, its age`, read);
    if (!stale && isOlderThan(history.boundMs, begin)) report(`${nameOf(key)} is not marked as stale`, read);
  });

/** Longest that the shared store holds up a read, with what is rounded. */
const BUDGET_MS = 50 + 3;

/** How long a read waited for anything but the database, in milliseconds. */
const waitedElsewhere = ({ process, begin, end }: Read): number => {
  let covered = begin;
  let elsewhere = 0;
  for (const { from, until } of process.waits) {
    if (until <= covered || from >= end) continue;
    elsewhere += Math.max(0, from - covered);
    covered = Math.max(covered, until);
  }
  return elsewhere + Math.max(0, end - covered);
};

/** I10: only the database fails a read, nothing fails a committed write, and the cache holds up a read for 50 ms at most. */
const cacheNeverHarms: Invariant = ({ reads, failedWrites }, report) => {
  for (const error of failedWrites) report(`a committed write failed: ${error}`);
  for (const read of reads) {
    if (read.cancelled) continue;
    if (read.error !== undefined && !(read.error instanceof DatabaseFailure)) report(`a read failed: ${read.error}`, read);
    const isPaused = read.process.pauses.some(({ from, until }) => from <= read.end && until >= read.begin);
    if (!isPaused && waitedElsewhere(read) > BUDGET_MS) report(`a read waited ${waitedElsewhere(read)} ms for the cache`, read);
  }
};

/** I11: an answer is to the question. */
const identity: Invariant = (history, report) =>
  eachAnswer(history, (answer, key, read) => {
    if (nameOf(answer) !== nameOf(key)) report(`${nameOf(key)} was asked for, ${nameOf(answer)} answered`, read);
  });

/** I12: what a statement left that was cancelled, or failed, is neither stored nor answered. */
const nothingPartial: Invariant = (history, report) => {
  eachAnswer(history, (answer, key, read) => {
    if (answer.partial && !read.cancelled) report(`${nameOf(key)} is what a failed statement left`, read);
  });
  for (const { value } of history.stored) {
    const { content } = value as StoredEntry;
    if (content?.partial) report(`what a failed statement left of ${nameOf(content)} is stored`);
  }
};

/** All of them, by name. */
export const invariants = {
  "I1 bump in the transaction": bumpInTransaction,
  "I2 version order is commit order": versionOrder,
  "I3 exact snapshot": exactSnapshot,
  "I4 entries never change": entriesNeverChange,
  "I5 the primary vouches": primaryVouches,
  "I6 bounded staleness": boundedStaleness,
  "I7 token respected": tokenRespected,
  "I8 monotone sessions": monotoneSessions,
  "I9 stale is marked": staleIsMarked,
  "I10 the cache does no harm": cacheNeverHarms,
  "I11 identity": identity,
  "I12 nothing partial": nothingPartial,
  "strong reads": strongReads,
  "own writes": ownWrites,
} satisfies Record<string, Invariant>;
