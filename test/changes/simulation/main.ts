// npm run simulate:feed -- --schedules 10000 --seed abc: runs sequencers and near caches against a simulated world; exit code 1 when an
// invariant does not hold. --bug NAME switches a deliberate bug on; --seed S --schedules 1 --trace shows a schedule.
import { runSimulationCommand } from "../../support/simulation-command.ts";
import { bugs } from "./bugs.ts";
import { simulate } from "./simulate.ts";

await runSimulationCommand({
  description: "Run the protocol of the feed and the near cache against a simulated database, processes and clocks.",
  bugs,
  simulate,
  countsOf: ({ reads, hits, writes, failovers, faults }) =>
    `${reads} reads (${hits} hits), ${writes} writes, ${failovers} failovers, ${faults} faults`,
});
