import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { declaredReasons } from "../../src/contract/reasons.ts";
import { methods } from "../contract/methods.ts";
import { lineOf } from "./reason-line.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The file that every answered reason is written to; undefined = in none. */
    answeredReasons: string | undefined;
  }
}

/** What the services that are written by hand declare; those of families of kinds are generated, reasons included. */
const declared = methods
  .filter(({ parent }) => parent.typeName.startsWith("userd.v1."))
  .flatMap((method) => {
    const { own, entry } = declaredReasons(method);
    const name = `${method.parent.typeName}/${method.name}`;
    return [
      ...own.map((reason) => ({ method: name, reason, isEntry: false })),
      ...entry.map((reason) => ({ method: name, reason, isEntry: true })),
    ];
  });

/** What only a race gives: the user of the token is deleted or purged between the look-up of the token and the lock of the user. */
const ofRaces: ReadonlySet<string> = new Set([
  "userd.v1.UserService/VerifyEmail USER_NOT_FOUND",
  "userd.v1.UserService/ResetPassword USER_NOT_FOUND",
  "userd.v1.UserService/ResetPassword USER_DELETED",
]);

/** What takes 30 seconds, and is answered in a test of `npm run test:tools`: test/changes/stall.test.ts. */
const ofPatience: ReadonlySet<string> = new Set(["userd.v1.ChangeService/WatchChanges WATCHER_STALLED"]);

/** Fails a run of all tests in which an RPC never answered with a reason that it declares: nobody knows whether it can. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "userd-reasons-"));
  const file = join(folder, "answered");
  project.provide("answeredReasons", file);
  return async () => {
    const { state, config } = project.vitest;
    const ran = state.getFiles().length;
    const { testFiles } = await project.globTestFiles();
    const isWhole = ran === testFiles.length && config.testNamePattern === undefined && state.getCountOfFailedTests() === 0;
    const answered = new Set(isWhole ? readFileSync(file, "utf8").split("\n") : []);
    await rm(folder, { recursive: true, force: true });
    const missing = isWhole
      ? declared.map(lineOf).filter((line) => !answered.has(line) && !ofRaces.has(line) && !ofPatience.has(line))
      : [];
    if (missing.length === 0) return;
    throw new Error(
      `No test has these answered:\n${missing.join("\n")}\nAdd a case to test/contract/refusals.test.ts, or take the reason out of the option (errors) of the RPC.`,
    );
  };
}
