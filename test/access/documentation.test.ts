import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { rules } from "../../src/access/policy.ts";
import { AccessRuleSchema } from "../../src/gen/userd/v1/access_pb.ts";
import { AccessRelation } from "../../src/gen/userd/v1/access_relation_pb.ts";

const text = readFileSync(new URL("../../docs/access.md", import.meta.url), "utf8");

test("docs/access.md has the rules of the code, in their order", () => {
  const rows = Array.from(
    text.matchAll(/^\| `(ACCESS_RULE_\w+)` +\| (.*?) +\| (.*?) +\| .*? \| `?(\w+)`? +\|$/gm),
    ([, ...cells]) => cells,
  );
  const expected = rules.map(({ rule, gives, standing, policy }) => [
    AccessRuleSchema.value[rule]?.name,
    gives.includes(AccessRelation.OWN) ? "read, own" : "read",
    standing === undefined ? "every member" : `members (${standing})`,
    policy ?? "any",
  ]);
  expect(rows).toEqual(expected);
});
