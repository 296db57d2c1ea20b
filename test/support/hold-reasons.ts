import { afterAll, afterEach } from "vitest";
import { takeUndeclared } from "./answered-reasons.ts";

const hold = (): void => {
  const sentences = takeUndeclared();
  if (sentences.length > 0)
    throw new Error(`${sentences.join("\n")}\nAdd it to the option (errors) of the RPC in proto/userd/v1, or throw another one.`);
};

afterEach(hold);
// What was answered after its test, or while a fixture ended.
afterAll(hold);
