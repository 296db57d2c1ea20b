import { expect, test } from "vitest";
import { setOptionStatement } from "../../bench/yardsticks/set-option-statement.ts";

test("the bench finds the upsert that SetOption sends, with the user and the value among its parameters", async () => {
  const { sql, userAt, valueAt } = await setOptionStatement("key");
  expect(sql).toContain("insert into user_option");
  expect([userAt, valueAt].map((places) => places.length)).toEqual([1, 1]);
});
