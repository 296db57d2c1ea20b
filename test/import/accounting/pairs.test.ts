import { describe, expect } from "vitest";
import { type Ids, onConflicts } from "../../../src/import/transaction.ts";
import { serviceWith } from "../../options/service-with.ts";
import { stateOf, test } from "../fixture.ts";
import { accountFor, cases, changedBeside, fileText, importFile, own, refused, samples } from "./fixture.ts";

const all = [...samples, ...cases, ...own].filter((name) => !refused.includes(name));

type Pair = readonly [base: string, over: string, ids?: Ids];

/** What was made for each other. */
const few: readonly Pair[] = [
  ["cases/01a-first-installation", "cases/01b-second-installation"],
  ["cases/02a-here", "cases/02b-file"],
];

/** Every model on top of itself, and each file on top of a sample: minutes, so `npm run accounting` asks for them. */
const many: readonly Pair[] = [
  ["accounting/invitations/here", "accounting/invitations/file"],
  ...own.map((name) => [name, name] as const),
  ...[...refused, ...own].map((name) => [name, name, "new"] as const),
  ...samples.map((over) => ["samples/user-with-maximum-privileges", over] as const),
  ...all.map((over) => ["samples/fresh-install", over] as const),
];
const pairs = process.env["ACCOUNTING"] === "all" ? [...few, ...many] : few;
const rows = pairs.flatMap(([base, over, ids = "keep"]) => onConflicts.map((onConflict) => ({ onConflict, base, over, ids })));

describe("import accounting: on top of another file nothing is lost, and nothing changed without a line in the report", () => {
  test.for(rows)("$onConflict, $ids: $over over $base", async ({ onConflict, base, over, ids }, { own: db, ownUrl }) => {
    const first = await importFile(db, fileText(base), { ids });
    await using service = await serviceWith(ownUrl, {});
    const before = await accountFor(first, service, db);
    const state = await stateOf(db);
    const second = await importFile(db, fileText(over), { onConflict, ids });
    if (second.report.stored) {
      const account = await accountFor(second, service, db);
      expect(account.losses).toEqual([]);
      expect(changedBeside(before, await accountFor(first, service, db), account, second.lines)).toEqual([]);
      return;
    }
    expect(onConflict).toBe("fail");
    for (const { model, record, pk } of second.report.conflicts) {
      expect(second.file.filter((other) => other.model === model && other.record === record).map((other) => other.pk ?? null)).toEqual([
        pk,
      ]);
    }
    expect(second.report.conflicts).not.toEqual([]);
    expect(await stateOf(db)).toEqual(state);
  });
});
