// npm run simulate -- --schedules 10000 --seed abc: runs the cache against a simulated world; exit code 1 when an
// invariant does not hold. --bug NAME switches a deliberate bug on; --seed S --schedules 1 --trace shows a schedule.
import { runSimulationCommand } from "../../support/simulation-command.ts";
import { bugs } from "./bugs.ts";
import { simulate } from "./simulate.ts";

await runSimulationCommand({
  description: "Run the protocol of the cache against a simulated database, store, bus and clocks.",
  bugs,
  simulate,
  countsOf: ({ reads, writes, failovers, faults }) => `${reads} reads, ${writes} writes, ${failovers} failovers, ${faults} faults`,
});
