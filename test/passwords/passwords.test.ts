import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { createPasswords } from "../../src/passwords/passwords.ts";

test("more passwords than can wait are refused at once; those that wait in vain are not computed", async () => {
  const registry = new Registry();
  const passwords = createPasswords(registry);
  const gone = new AbortController();
  const calls = Array.from({ length: 100 }, () => passwords.verify("x", undefined, gone.signal));
  gone.abort(new Error("gone"));
  const outcomes = (await Promise.allSettled(calls)).map((call) => (call.status === "rejected" ? call.reason : call.value));
  const refused = outcomes.filter(({ reason }) => reason === "OVERLOADED");
  expect(refused.length).toBeGreaterThan(20);
  expect(outcomes.slice(-refused.length)).toEqual(refused);
  expect(outcomes.some(({ message }) => message === "gone")).toBe(true);
  const [computed] = (await registry.getSingleMetric("userd_password_hashes_total")?.get())?.values ?? [];
  expect(computed?.value).toBeLessThanOrEqual(3);
});

test("passwords that come at once are all answered", async () => {
  const passwords = createPasswords(new Registry());
  const { signal } = new AbortController();
  const hash = await passwords.hash("right", signal);
  const verdicts = await Promise.all(["right", "wrong", "right"].map((password) => passwords.verify(password, hash, signal)));
  expect(verdicts.map(({ valid }) => valid)).toEqual([true, false, true]);
  expect(verdicts.every(({ outdated }) => !outdated)).toBe(true);
});
