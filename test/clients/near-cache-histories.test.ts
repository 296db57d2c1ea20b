import { expect, test } from "vitest";
import { root } from "../foreign/tools.ts";
import { checkHistories, startDriver } from "./drive.ts";

/** The seeds of the histories that every near cache is told. */
const seeds = Array.from({ length: 100 }, (_, index) => index);

test("no read of random histories with faults is older than the bound, or than an own write", async () => {
  await using driver = startDriver(process.execPath, ["clients/typescript/src/near-cache/conformance.ts"], root);
  const { reads, hits, wrong } = await checkHistories(driver, seeds);
  expect(wrong.slice(0, 5)).toEqual([]);
  expect(hits).toBeGreaterThan(reads / 10);
});
