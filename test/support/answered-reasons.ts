import { appendFileSync } from "node:fs";
import { inject } from "vitest";
import { type AnsweredReason, answeredReasons, undeclaredSentence } from "../../src/server/interceptors/declared.ts";
import { type Answered, lineOf } from "./reason-line.ts";

/** What this thread has written to the file of all answered reasons (every-reason.ts). */
const written = new Set<string>();

const write = (answered: Answered): void => {
  const file = inject("answeredReasons");
  const line = lineOf(answered);
  if (file === undefined || written.has(line)) return;
  written.add(line);
  appendFileSync(file, `${line}\n`);
};

/** What was answered and not declared since the last look, by RPC and reason. */
const undeclared = new Set<string>();

const note = ({ method, reason, isEntry }: Answered): void => {
  undeclared.add(`${method} ${isEntry ? "answers an entry" : "ends"} with ${reason}, which it does not declare`);
};

// Of every server of this process, however it was started. The services of other protocols' suites have no reasons of ours.
answeredReasons.subscribe((message) => {
  const answered = message as AnsweredReason;
  if (!/^userd\.(kinds\.)?v1\./.test(answered.method)) return;
  write(answered);
  if (!answered.isDeclared) note(answered);
});

/** Notes what a service in a process of its own has logged. */
export const noteLoggedReasons = (output: string): void => {
  for (const line of output.split("\n").filter((text) => text.includes(undeclaredSentence))) {
    const { method, reason, entry } = JSON.parse(line) as { method: string; reason: string; entry: boolean };
    note({ method, reason, isEntry: entry });
  }
};

/** What was answered and not declared since the last call of this function. */
export const takeUndeclared = (): readonly string[] => {
  const taken = [...undeclared];
  undeclared.clear();
  return taken;
};
