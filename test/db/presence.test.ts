import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { createNoPlaces } from "../../src/db/places.ts";
import { createPresence } from "../../src/db/presence.ts";
import { DatabaseAway } from "../../src/db/unreachable.ts";
import { silent } from "../support/database.ts";

const claim = { group: "a" };
const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });

/** A presence, and a database that is there or not; `asked` counts the looks for it. */
const make = () => {
  const state = { isThere: true, asked: 0 };
  const presence = createPresence(async () => {
    state.asked += 1;
    return state.isThere;
  }, silent);
  const places = presence.guard(createNoPlaces());
  const isFree = () => places.take(claim) === undefined;
  return { state, presence, places, isFree };
};

describe("the presence of the database", () => {
  test("a failure alone is no absence, nor is one of another kind", async () => {
    const { state, presence, isFree } = make();
    presence.failed(refused);
    await turn();
    expect([state.asked, isFree()]).toEqual([1, true]);
    state.isThere = false;
    presence.failed(Object.assign(new Error("disk full"), { code: "53100" }));
    await turn();
    expect([state.asked, isFree()]).toEqual([1, true]);
  });

  test("while it is away, all who want it share one look, and are refused after it", async () => {
    const { state, presence, places } = make();
    state.isThere = false;
    presence.failed(refused);
    await turn();
    const waiting = Promise.allSettled(Array.from({ length: 1_000 }, () => places.take(claim)));
    expect((await waiting).map((one) => (one as PromiseRejectedResult).reason).every((error) => error instanceof DatabaseAway)).toBe(true);
    expect(state.asked).toBe(2);
  });

  test("a look that has no answer is waited for half a second", async () => {
    let answer: (isThere: boolean) => void = () => {};
    const presence = createPresence(() => new Promise((resolve) => (answer = resolve)), silent);
    const places = presence.guard(createNoPlaces());
    presence.failed(refused);
    answer(false);
    await turn();
    await expect(places.take(claim)).rejects.toThrow(DatabaseAway);
  });

  test("who comes when it is back is not refused", async () => {
    const { state, presence, places, isFree } = make();
    state.isThere = false;
    presence.failed(refused);
    await turn();
    await expect(places.take(claim)).rejects.toThrow(DatabaseAway);
    state.isThere = true;
    await expect(places.take(claim)).resolves.toBeUndefined();
    expect(isFree()).toBe(true);
  });
});
