import { expect } from "vitest";
import type { Ended } from "./userd.ts";

/** It ended with a code, one sentence and no stack. */
export const expectSentence = ({ code, stdout, stderr }: Ended, expected: number, sentence: RegExp): void => {
  expect(stderr).toMatch(sentence);
  expect(stderr.trimEnd().split("\n"), stderr).toHaveLength(1);
  expect(stderr).not.toMatch(/^ {4}at /m);
  expect({ code, stdout }).toEqual({ code: expected, stdout: "" });
};
