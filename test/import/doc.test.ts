import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { updated } from "../../scripts/update-import-doc.ts";

test("docs/import.md says what the readers read (node scripts/update-import-doc.ts)", () => {
  const text = readFileSync(new URL("../../docs/import.md", import.meta.url), "utf8");
  expect(text).toBe(updated(text));
  expect(text).toContain("`sentry.team`");
});
