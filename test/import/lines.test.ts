import { expect } from "vitest";
import type { ReportLine } from "../../src/import/report.ts";
import { exportUser } from "../support/exports.ts";
import { importRecords, test } from "./fixture.ts";

test("every record that was skipped or noted has a line, however many there are", async ({ own: db }) => {
  const lines: ReportLine[] = [];
  const skipped = Array.from({ length: 2_100 }, (_, index) => ({
    model: "sentry.userip",
    pk: index + 1,
    fields: { user: 9, ip_address: "?" },
  }));
  const report = await importRecords(db, [exportUser(1, { email: " ann@example.com" }), ...skipped], {
    onLine: (line) => void lines.push(line),
  });
  expect(report.skipped.map(({ count, examples }) => [count, examples.length])).toEqual([[2_100, 20]]);
  expect(lines.filter(({ fate }) => fate === "skipped").map(({ record, pk }) => [record, pk])).toEqual(
    skipped.map(({ pk }) => [pk + 1, String(pk)]),
  );
  const noted = { fate: "noted", model: "sentry.user", record: 1, pk: "1" };
  expect(lines.filter(({ fate }) => fate === "noted")).toEqual([
    { ...noted, reason: "email has white space around it, which is left out", about: null },
    { ...noted, reason: "the primary address was added to the addresses, unverified", about: "user 1" },
  ]);
});

test("of what was skipped nothing else is told, and a dry run tells the same", async ({ own: db }) => {
  const file = [exportUser(1, { username: "", email: " " }), exportUser(2, { username: "x", email: "x " })];
  const linesOf = async (dryRun: boolean) => {
    const lines: ReportLine[] = [];
    await importRecords(db, file, { dryRun, onLine: (line) => void lines.push(line) });
    return lines;
  };
  const lines = await linesOf(true);
  expect(lines.map(({ fate, record }) => [fate, record])).toEqual([
    ["skipped", 1],
    ["noted", 2],
    ["noted", 2],
  ]);
  expect(await linesOf(false)).toEqual(lines);
});
