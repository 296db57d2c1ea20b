import { setTimeout as delay } from "node:timers/promises";
import type { Clients } from "../support/clients.ts";
import type { Member } from "../support/fleet.ts";
import { type Cut, startDatabaseProxy } from "../support/tcp-proxy.ts";
import { startUserd, type Userd } from "../support/userd.ts";
import { isCommit } from "../support/write-commit.ts";

/** When a process is killed: before a chunk is passed on, or after. */
export type Moment = "before" | "after";

/** Picks the chunk at which a process is killed, of what it sends to the database. */
export type PickChunk = Cut["when"];

/** Makes the test of a chunk that has the `nth` commit in it, on connections that have sent `text` before. */
export const commitOf = (nth: number, text = ""): PickChunk => {
  const armed = new WeakSet<object>();
  let seen = 0;
  return (chunk, connection) => {
    if (chunk.includes(text)) armed.add(connection);
    return armed.has(connection) && isCommit(chunk) && ++seen === nth;
  };
};

/** The result of a call or a command whose process was to be killed. */
export type Killed = {
  /** Whether the call was acknowledged, or the command has come to its end. */
  readonly isAcknowledged: boolean;
  /** How the process stands, if it was not killed where it was meant to be. */
  readonly missed: string | undefined;
};

/** The most time that the database takes to answer a chunk that was seen, and that one comes behind the end of its call, in milliseconds. */
const [MAX_ANSWER_MS, MAX_CHUNK_MS] = [60_000, 2_000];

/** The most characters of a log that a complaint has. */
const MAX_LOG = 300;

/** How a process stands: its state, and the last that it has said. */
const standingOf = ({ process: { pid, exitCode, signalCode }, output }: Userd): string => {
  const { stdout, stderr } = output();
  return `process ${pid}, exit code ${exitCode}, signal ${signalCode}, said ${JSON.stringify(`${stdout}${stderr}`.slice(-MAX_LOG))}`;
};

/** Kills the process at a chunk of a call, and starts another one. */
export const killDuring = async (member: Member, when: PickChunk, moment: Moment, call: () => Promise<unknown>): Promise<Killed> => {
  const service = member.service();
  let [isSeen, isCut] = [false, false];
  const isIt: PickChunk = (chunk, connection) => {
    isSeen = when(chunk, connection);
    return isSeen && service.process.kill("SIGKILL");
  };
  const cut = member.database.cut({ when: isIt, moment }).then(() => {
    isCut = true;
  });
  const answer = await call().then(
    () => "acknowledged",
    (error: unknown) => String(error),
  );
  // Of a chunk that was seen the database's answer comes, sooner or later.
  await Promise.race([cut, delay(isSeen ? MAX_ANSWER_MS : MAX_CHUNK_MS, undefined, { ref: false })]);
  const missed = isCut ? undefined : `the chunk was ${isSeen ? "seen" : "not seen"}, the call: ${answer}; ${standingOf(service)}`;
  service.process.kill("SIGKILL");
  await member.replace();
  return { isAcknowledged: answer === "acknowledged", missed };
};

/** Returns the clients of a service, which has to be there. */
export const clientsOf = (member: Member): Clients => {
  const clients = member.clients();
  if (clients === undefined) throw new Error("The service is not there.");
  return clients;
};

/** Runs a command over a proxy, and kills it at a chunk. */
export const killCommand = async (args: readonly string[], url: string, when: PickChunk, moment: Moment): Promise<Killed> => {
  await using proxy = await startDatabaseProxy(url);
  await using command = startUserd(args, { settings: { DATABASE_URL: proxy.through(url) } });
  const cut = proxy.cut({ when: (...chunk) => when(...chunk) && command.process.kill("SIGKILL"), moment });
  const { code, signal } = await command.ended;
  if (signal !== "SIGKILL") return { isAcknowledged: code === 0, missed: `${args.slice(0, 2).join(" ")}: ${standingOf(command)}` };
  // The database may still be busy with what it was sent.
  await Promise.race([cut, delay(MAX_ANSWER_MS, undefined, { ref: false })]);
  return { isAcknowledged: false, missed: undefined };
};
