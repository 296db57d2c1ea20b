import { setTimeout as delay } from "node:timers/promises";
import type { Member } from "../../support/fleet.ts";
import { isCommitOfStatement, isCommitOfWrite } from "../../support/write-commit.ts";
import type { Drill } from "../drill.ts";
import { judge } from "../judge.ts";
import { startWriters } from "../writers.ts";

const moments = ["before the commit reaches the database", "after the commit, before its answer", "at a random moment"] as const;

/** Kills a process at a moment of a write, and starts another one in its place. */
const killAt = async (member: Member, moment: (typeof moments)[number], randomMs: number): Promise<void> => {
  const kill = () => member.service().process.kill("SIGKILL");
  if (moment === "at a random moment") await delay(randomMs);
  else {
    const when = (chunk: Buffer): boolean => (isCommitOfWrite(chunk) || isCommitOfStatement(chunk)) && kill();
    // A process that nobody writes to would be waited for in vain.
    await Promise.race([member.database.cut({ when, moment: moment.startsWith("before") ? "before" : "after" }), delay(5_000)]);
  }
  await member.replace();
};

/** Three services are killed in the middle of their writes, over and over. */
export const kills: Drill = {
  rows: [11, 16],
  name: "kills",
  about:
    "kill -9 of a service before and after a commit and at random moments, ×100; counts writes lost, doubled, or missing in the audit log",
  isInShort: true,
  run: async ({ fleet, of, random }) => {
    const total = of(3, 100);
    const running = await fleet();
    const writers = await startWriters(running, random);
    const done = new Map<string, number>();
    let begun = 0;
    const killOver = async (member: Member): Promise<void> => {
      while (begun < total) {
        const moment = moments[begun % moments.length] ?? moments[2];
        begun += 1;
        await delay(100 + random.below(400));
        await killAt(member, moment, random.below(300));
        done.set(moment, (done.get(moment) ?? 0) + 1);
      }
    };
    await Promise.all(running.members.map(killOver));
    const written = await writers.stop();
    const { lost, doubled, unaudited, complaints } = await judge(running.databaseUrl, written, writers.prefix);
    return {
      operations: written.acknowledged,
      faults: begun,
      figure: lost + doubled + unaudited,
      bound: 0,
      complaints: [...written.complaints, ...complaints],
      besides: { lost, doubled, unaudited, retried: written.attempts - written.acknowledged, ...Object.fromEntries(done) },
    };
  },
};
