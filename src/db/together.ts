import type { CompiledQuery } from "kysely";
import type { Joining, TextQuery, Together } from "./joining.ts";
import type { WriteConnection } from "./write-connection.ts";

/** The error by which a write learns that it has to run by itself. Nothing of it was committed, and no call is answered with it. */
class Apart extends Error {
  override readonly name = "Apart";
}
const APART = new Apart("The write has to run by itself.");

/** The most writes that go together: one that fails has all of them run by themselves. */
const MAX_TOGETHER = 16;
/** The writes of a queue that go by themselves after a statement that has left most out, such as options that are new, or equal. */
const APART_AFTER_LEFT_OUT = 64;

/** A function that runs a body on a connection of its own until a signal aborts, and commits. */
export type Running = <T>(until: AbortSignal, body: (connection: WriteConnection) => Promise<T>) => Promise<T>;

/** The signal that ends a write, and the function that runs it. */
type Way = { readonly signal: AbortSignal; readonly run: Running };

/** A write that has come to its statement. */
type Member = Way & {
  readonly query: TextQuery;
  readonly joining: Joining | undefined;
  readonly answer: PromiseWithResolvers<string>;
  readonly outcome: PromiseWithResolvers<unknown>;
  readonly vote: PromiseWithResolvers<boolean>;
  /** Tells whether the write has agreed to the commit, or refused it. */
  readonly hasVoted: () => boolean;
  /** What the body returns. */
  readonly performed: () => Promise<unknown>;
  /** Has the write go on with a connection of its own. */
  readonly attach: (connection: WriteConnection) => void;
};

/** A write that may go together with others. */
type Joiner = Member & { readonly joining: Joining };

/** Those that have come in this turn, and how many of the next are to go by themselves. */
type Queue = { members: Member[]; alone: number };

/** The writes of a process that may go together. */
export type Joins = {
  /**
   * Runs the body of a write, whose only statement goes together with those of others in its queue that come in the same turn of the event loop: nobody
   * waits for others to come. Returns what the body returns, once that is committed. Returns undefined if the write has to run by itself, since it
   * sends other statements, or since those that went with it could not be committed.
   */
  readonly write: <T>(queue: string, way: Way, body: (connection: WriteConnection) => Promise<T>) => Promise<T | undefined>;
};

const ignore = (): void => {};

const fail = ({ answer, outcome }: Pick<Member, "answer" | "outcome">, error: unknown): void => {
  answer.reject(error);
  outcome.reject(error);
};

/** Runs a write by itself, from the statement on to which it has come. */
const runAlone = async (member: Member): Promise<void> => {
  const { signal, run, query, answer, outcome, performed, attach } = member;
  try {
    outcome.resolve(
      await run(signal, (connection) => {
        attach(connection);
        connection.alone(query).then(answer.resolve, answer.reject);
        return performed();
      }),
    );
  } catch (error) {
    fail(member, error);
  }
};

/** Sends one statement for all, and commits what it has stored if all of those agree. Returns how many they are; 0 if nothing was committed. */
const sendTogether = async (members: readonly Joiner[], { statement, answers }: Together, signal: AbortSignal): Promise<number> => {
  let isCommitting = false;
  try {
    const stored = await (members[0] as Joiner).run(signal, async (connection) => {
      const told = answers(await connection.alone(statement(members.map(({ joining }) => joining.values))), members.length);
      const kept = members.filter((member, index) => {
        const own = told[index];
        if (own === undefined) fail(member, APART);
        else member.answer.resolve(own);
        return own !== undefined;
      });
      const votes = await Promise.all(kept.map(({ vote }) => vote.promise));
      if (votes.length === 0 || votes.includes(false)) throw APART;
      isCommitting = true;
      connection.commit();
      return kept;
    });
    for (const { performed, outcome } of stored) performed().then(outcome.resolve, outcome.reject);
    return stored.length;
  } catch (error) {
    for (const member of members) fail(member, isCommitting ? error : APART);
    return 0;
  }
};

/** Runs several writes as one. One whose call ends before it has agreed ends the statement of all. */
const runTogether = async (members: readonly Joiner[], together: Together, queue: Queue): Promise<void> => {
  const ending = new AbortController();
  const leaves = members.map((member) => {
    const { signal, vote, hasVoted } = member;
    const leave = () => {
      if (hasVoted()) return;
      vote.resolve(false);
      fail(member, signal.reason);
      ending.abort(APART);
    };
    signal.addEventListener("abort", leave, { once: true });
    return () => signal.removeEventListener("abort", leave);
  });
  const stored = await sendTogether(members, together, ending.signal);
  for (const remove of leaves) remove();
  if (stored * 2 < members.length) queue.alone = APART_AFTER_LEFT_OUT;
};

/** Runs all that have come in a turn: together, as far as they are of different aggregates. */
const runAll = (queue: Queue): void => {
  const { members } = queue;
  queue.members = [];
  let batch = new Map<bigint, Joiner>();
  const send = (): void => {
    const [first, ...others] = batch.values();
    batch = new Map();
    if (first === undefined) return;
    void (others.length === 0 ? runAlone(first) : runTogether([first, ...others], first.joining.together, queue));
  };
  for (const member of members) {
    const { joining, signal } = member;
    if (joining === undefined || signal.aborted || batch.has(joining.aggregateId)) void runAlone(member);
    else batch.set(joining.aggregateId, member as Joiner);
    if (batch.size === MAX_TOGETHER) send();
  }
  send();
};

/**
 * Makes the joins of a process, in which nobody is yet. `unconnected` makes what builds queries for writes that have no connection; it throws an error
 * when one of them is run by it.
 */
export const createJoins = (unconnected: (refusal: Error) => WriteConnection["sql"]): Joins => {
  const sql = unconnected(APART);
  const queues = new Map<string, Queue>();

  const queueOf = (name: string): Queue => {
    const known = queues.get(name);
    if (known !== undefined) return known;
    const queue: Queue = { members: [], alone: 0 };
    queues.set(name, queue);
    return queue;
  };

  return {
    write: async <T>(name: string, way: Way, body: (connection: WriteConnection) => Promise<T>): Promise<T | undefined> => {
      const queue = queueOf(name);
      if (queue.alone > 0) {
        queue.alone -= 1;
        return undefined;
      }
      const answer = Promise.withResolvers<string>();
      const outcome = Promise.withResolvers<unknown>();
      const vote = Promise.withResolvers<boolean>();
      let own: WriteConnection | undefined;
      let hasVoted = false;
      let hasSentMore = false;
      let ahead: CompiledQuery[] = [];
      const settle = (agrees: boolean): void => {
        hasVoted = true;
        vote.resolve(agrees);
      };
      const member: Omit<Member, "query" | "joining"> = {
        ...way,
        answer,
        outcome,
        vote,
        hasVoted: () => hasVoted,
        performed: () => performed,
        attach: (connection) => {
          own = connection;
          for (const query of ahead) connection.ahead(query);
          ahead = [];
        },
      };
      const performed = body({
        sql,
        run: (query) => {
          if (own !== undefined) return own.run(query);
          hasSentMore = true;
          return Promise.reject(APART);
        },
        ahead: (query) => (own === undefined ? void ahead.push(query) : own.ahead(query)),
        alone: (query, joining) => {
          if (own !== undefined) return own.alone(query);
          if (queue.members.length === 0) setImmediate(runAll, queue);
          queue.members.push({ ...member, query, joining });
          return answer.promise;
        },
        sent: () => own?.sent() ?? 1,
        commit: () => (own === undefined ? settle(!hasSentMore) : own.commit()),
      });
      answer.promise.catch(ignore);
      performed.catch((error: unknown) => {
        settle(false);
        // By itself it is rolled back first, and another error may be the cause of this one.
        if (own === undefined) outcome.reject(error);
      });
      try {
        return (await outcome.promise) as T;
      } catch (error) {
        if (error === APART) return undefined;
        throw error;
      }
    },
  };
};
