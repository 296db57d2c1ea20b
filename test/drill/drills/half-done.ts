import pg from "pg";
import type { Drill } from "../drill.ts";
import { exportAndImport } from "../half-done/export.ts";
import { type Failpoint, groundOf } from "../half-done/failpoint.ts";
import { largeMerge, merge } from "../half-done/merge.ts";
import { organizationPurge, purge } from "../half-done/purge.ts";
import { replay } from "../half-done/replay.ts";

const failpoints: Readonly<Record<string, Failpoint>> = {
  merge,
  large_merge: largeMerge,
  purge,
  purge_organization: organizationPurge,
  purge_batch: replay,
  export_import: exportAndImport,
};

const moments = ["before", "after"] as const;

/** Merges, purges, exports and imports are killed at each of their failpoints. */
export const halfDone: Drill = {
  rows: [11],
  name: "half-done",
  about:
    "kill -9 before and after each commit of merges, large ones in their middle too, of purges of users and organizations and their batches, of exports and imports of these; counts what is half done, lost, or does not go on",
  run: async ({ of, fleet, postgresUrl, stack, complain }) => {
    const times = of(1, 20);
    const running = await fleet({ size: 1 });
    const client = new pg.Client(running.databaseUrl);
    await client.connect();
    stack.defer(() => client.end());
    const ground = groundOf(running, client, postgresUrl);
    const done: Record<string, number> = {};
    const seconds: Record<string, number> = {};
    let [faults, killed, wrong] = [0, 0, 0];
    for (let time = 0; time < times; time += 1) {
      for (const moment of moments) {
        // What was tried is judged: exports would take longer with each trial. A trigger refuses it to everybody.
        await client.query(
          "set session_replication_role = replica; truncate user_option, option_revision; set session_replication_role = origin",
        );
        for (const [name, run] of Object.entries(failpoints)) {
          const begun = performance.now();
          const { kills, complaints } = await run(ground, moment, time);
          const missed = kills.flatMap((kill) => kill.missed ?? []);
          for (const complaint of [...complaints, ...missed.map((how) => `a process was not killed where it was meant to be: ${how}`)]) {
            wrong += 1;
            complain(`${name}, ${moment}, time ${time}: ${complaint}`);
          }
          faults += kills.length;
          killed += kills.length - missed.length;
          done[name] = (done[name] ?? 0) + 1;
          seconds[name] = (seconds[name] ?? 0) + (performance.now() - begun) / 1_000;
        }
      }
    }
    const spent = Object.entries(seconds).map(([name, time]) => [`${name}_seconds`, Math.round(time)] as const);
    return {
      ...{ operations: faults, faults, figure: wrong, bound: 0, complaints: [] },
      besides: { ...done, killed, ...Object.fromEntries(spent) },
    };
  },
};
