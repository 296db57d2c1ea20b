import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { test } from "../support/database.ts";
import { startService } from "../support/userd.ts";
import { assertAnswers, describeViolation, fuzz, MAX_MEMORY_MB, smallHeap } from "./run.ts";

const inputs = Number(process.env["FUZZ_INPUTS"] ?? 10);
const seed = process.env["FUZZ_SEED"] ?? String(Date.now());

test(`${inputs} random inputs to every RPC on both ports do no harm (FUZZ_SEED=${seed})`, { timeout: 120_000 + inputs * 100 }, async ({
  databaseUrl,
}) => {
  await using service = await startService({ DATABASE_URL: databaseUrl, LOG_LEVEL: "fatal", ...smallHeap });
  await assertAnswers(service);
  const { violations } = await fuzz(service, { inputs, seed });
  expect(violations.map((violation) => describeViolation(violation, seed)).join("\n")).toBe("");
  expect(service.process.exitCode, service.output().stderr).toBeNull();
  await assertAnswers(service);
  const memory = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${service.process.pid}/status`, "utf8"))?.[1];
  expect(Number(memory) / 1024).toBeLessThan(MAX_MEMORY_MB);
});
