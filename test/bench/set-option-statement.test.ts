import { expect, test } from "vitest";
import { setOptionStatement } from "../../bench/yardsticks/set-option-statement.ts";

test("the bench finds the statement that SetOption sends, with the user and the value among its parameters", async () => {
  const { sql, parameters, userAt, valueAt } = await setOptionStatement("key");
  expect(sql).toContain("store_option(");
  expect(userAt.map((place) => parameters[place])).toEqual(userAt.map(() => parameters[userAt[0] ?? -1]));
  expect(valueAt).toHaveLength(1);
});
