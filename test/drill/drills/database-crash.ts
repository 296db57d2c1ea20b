import { setTimeout as delay } from "node:timers/promises";
import { type Fleet, startFleet } from "../../support/fleet.ts";
import type { OwnPostgres } from "../../support/postgres.ts";
import type { Drill } from "../drill.ts";
import { judge } from "../judge.ts";
import { startDurablePostgres } from "../own-postgres.ts";
import { mountSmallDisk } from "../small-disk.ts";
import { startWriters, type Written } from "../writers.ts";

const RECOVERY_MS = 20_000;

/** Waits until writes are acknowledged again. */
const recovered = async (written: Written): Promise<boolean> => {
  const before = written.acknowledged;
  const until = performance.now() + RECOVERY_MS;
  while (written.acknowledged < before + 24 && performance.now() < until) await delay(20);
  return written.acknowledged >= before + 24;
};

const startAgain = async (postgres: OwnPostgres): Promise<void> => {
  // A server that had no room for its log may have ended, or be about to.
  await delay(500);
  if (!postgres.isRunning()) await postgres.start();
};

const pidsOf = ({ members }: Fleet) => members.map(({ service }) => service().process.pid);

/** The database is ended at once, and finds no room on its disk, under writes. */
export const databaseCrash: Drill = {
  rows: [17, 16],
  name: "database-crash",
  about:
    "PostgreSQL on a disk of 300 MB is stopped with `-m immediate`, then its disk is full, under writes through three services; counts writes lost, doubled, or missing in the audit log",
  run: async ({ of, stack, random }) => {
    const disk = mountSmallDisk(300, stack);
    const postgres = await startDurablePostgres(stack, disk?.path);
    const fleet = stack.use(await startFleet({ postgresUrl: postgres.url }));
    const pids = pidsOf(fleet);
    const writers = await startWriters(fleet, random);
    const { written } = writers;
    const complaints: string[] = [];
    let [crashes, fulls, begun] = [0, 0, 0];
    for (; crashes < of(1, 10); crashes += 1) {
      await delay(1_000 + random.below(1_000));
      await postgres.crash();
      await delay(500);
      await postgres.start();
      if (!(await recovered(written))) complaints.push("writes did not come back after a crash");
    }
    for (; disk !== undefined && fulls < of(1, 4); fulls += 1) {
      await delay(1_000);
      await disk.fill();
      const before = written.acknowledged;
      await delay(of(2_000, 5_000));
      if (!postgres.isRunning()) begun += 1;
      if (written.acknowledged - before > 2_000) complaints.push("a full disk has stopped no write");
      disk.free();
      await startAgain(postgres);
      if (!(await recovered(written))) complaints.push("writes did not come back after a full disk");
    }
    await writers.stop();
    if (pidsOf(fleet).some((pid, index) => pid !== pids[index])) complaints.push("a service was started again");
    const verdict = await judge(fleet.databaseUrl, written, writers.prefix);
    const { lost, doubled, unaudited } = verdict;
    return {
      operations: written.acknowledged,
      faults: crashes + fulls,
      figure: lost + doubled + unaudited,
      bound: 0,
      complaints: [...complaints, ...written.complaints, ...verdict.complaints],
      besides: {
        crashes,
        disk_full: disk === undefined ? "skipped: this process may not mount a file system" : fulls,
        of_which_ended_the_server: begun,
        refused: JSON.stringify(Object.fromEntries(written.refused)),
      },
    };
  },
};
