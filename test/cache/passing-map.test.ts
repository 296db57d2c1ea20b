import { expect, test } from "vitest";
import { createPassingMap } from "../../src/cache/passing-map.ts";

test("what is in a passing map stays, however much comes and goes besides", () => {
  const map = createPassingMap<number>();
  map.set("stays", -1);
  for (let index = 0; index < 1_000; index += 1) {
    map.set(`${index}`, index);
    if (index >= 100) map.delete(`${index - 100}`);
    map.delete("nobody's");
  }
  expect(map.get("stays")).toBe(-1);
  const last = Array.from({ length: 1_000 }, (_, index) => map.get(`${index}`));
  expect(last).toEqual(Array.from({ length: 1_000 }, (_, index) => (index >= 900 ? index : undefined)));
});
