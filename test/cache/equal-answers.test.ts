import { expect } from "vitest";
import { startApp } from "../../src/app.ts";
import { createClients } from "../support/clients.ts";
import { cloneDatabase, silent } from "../support/database.ts";
import { test as base, testConfig } from "../support/service.ts";
import { createScript, prepareScript, runScript } from "./script.ts";

/** What is promised; enough for every pair of kinds to meet many times. */
const CALLS = 5_000;

/** `start` starts a service over a database of its own. */
const test = base.extend("start", async ({}, { onCleanup }) => {
  const stack = new AsyncDisposableStack();
  onCleanup(() => stack.disposeAsync());
  return async (settings: NodeJS.ProcessEnv) => {
    const database = stack.use(await cloneDatabase());
    const app = stack.use(await startApp(testConfig(database.url, settings), silent, { migrate: false }));
    const clients = createClients(app);
    stack.defer(() => clients.close());
    return clients.byKind["grpc-js"];
  };
});

test("the same script of calls has the same answers with and without the cache", { timeout: 300_000 }, async ({ start }) => {
  const [cached, uncached] = await Promise.all([start({ CACHE_URL: "memory" }), start({ CACHE_URL: "none" })]);
  await Promise.all([prepareScript(cached), prepareScript(uncached)]);
  const script = createScript(7, CALLS);
  const [ours, theirs] = await Promise.all([runScript(script, cached), runScript(script, uncached)]);
  expect(ours).toHaveLength(CALLS);
  for (const [index, outcome] of ours.entries()) expect(outcome, `call ${index}: ${script[index]?.run}`).toBe(theirs[index]);
  // Most of it has to be answers, for refusals are easily equal.
  expect(ours.filter((outcome) => outcome.startsWith("{")).length).toBeGreaterThan(CALLS / 2);
});
