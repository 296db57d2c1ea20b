import { setTimeout as delay } from "node:timers/promises";
import type { Clients } from "../support/clients.ts";
import type { Member } from "../support/fleet.ts";
import { startDatabaseProxy } from "../support/tcp-proxy.ts";
import { startUserd } from "../support/userd.ts";
import { isCommit } from "../support/write-commit.ts";

/** When a process is killed: before a chunk is passed on, or after. */
export type Moment = "before" | "after";

/** Makes the test of a chunk that has the `nth` commit in it, after one that has `text`. */
export const commitOf = (nth: number, text = "") => {
  let [seen, isArmed] = [0, false];
  return (chunk: Buffer): boolean => {
    isArmed ||= chunk.includes(text);
    return isArmed && isCommit(chunk) && ++seen === nth;
  };
};

/** How often a process was killed where it was meant to be. */
let kept = 0;

/** Returns how often a process was killed where it was meant to be. */
export const timesKilled = (): number => kept;

/** Kills the process at a chunk of a call, and starts another one; returns whether the call was acknowledged. */
export const killDuring = async (member: Member, when: (chunk: Buffer) => boolean, moment: Moment, call: () => Promise<unknown>) => {
  const cut = member.database.cut({ when: (chunk) => when(chunk) && member.service().process.kill("SIGKILL"), moment }).then(() => {
    kept += 1;
  });
  const isAcknowledged = await call().then(
    () => true,
    () => false,
  );
  await Promise.race([cut, delay(2_000)]);
  member.service().process.kill("SIGKILL");
  await member.replace();
  return isAcknowledged;
};

/** Returns the clients of a service, which has to be there. */
export const clientsOf = (member: Member): Clients => {
  const clients = member.clients();
  if (clients === undefined) throw new Error("The service is not there.");
  return clients;
};

/** Runs a command over a proxy, and kills it at a chunk. */
export const killCommand = async (
  args: readonly string[],
  url: string,
  when: (chunk: Buffer) => boolean,
  moment: Moment,
): Promise<void> => {
  await using proxy = await startDatabaseProxy(url);
  await using command = startUserd(args, { settings: { DATABASE_URL: proxy.through(url) } });
  void proxy.cut({ when: (chunk) => when(chunk) && command.process.kill("SIGKILL"), moment });
  if ((await command.ended).signal === "SIGKILL") kept += 1;
};
