import { isDeepStrictEqual } from "node:util";
import { excused } from "./excuses.ts";
import type { FileRecord } from "./records.ts";
import { answered, anything, type Check, type Found, listOf, timeOf } from "./rule.ts";
import { rules } from "./rules/index.ts";
import { userModels, type World } from "./world.ts";

/** What the file says and the service does not, without a line in the report. */
export type Loss = {
  readonly record: number;
  readonly model: string;
  readonly field: string;
  readonly says: unknown;
  readonly is: unknown;
};

/** What was compared of one answer. */
export type Seen = Readonly<Record<string, unknown>>;

/** What each record became: the name of its answer, and what was compared. */
export type Account = {
  readonly losses: readonly Loss[];
  readonly seen: ReadonlyMap<string, Seen>;
};

const pick = (answer: unknown, path: string): unknown =>
  path.split(".").reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined | null)?.[name], answer);

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
/** Times are compared as moments; what is not there is null. */
const comparable = (value: unknown): unknown => (typeof value === "string" && TIME.test(value) ? timeOf(value) : (value ?? null));

/** The key that a user has in the file. */
const externalId = answered("externalId", undefined, "external_id");

/** Follows the records of a file to their answers. */
export const account = async (world: World): Promise<Account> => {
  const losses: Loss[] = [];
  const seen = new Map<string, Seen>();
  const lose = ({ record, model }: FileRecord, field: string, says: unknown, is: unknown) =>
    losses.push({ record, model, field, says, is });

  const checkField = async (record: FileRecord, field: string, check: Check, found: Found): Promise<void> => {
    const says = record.fields[field];
    const lines = world.linesOf(record.record, record.model);
    if (check.how === "listed") {
      const members = pick(found.answer, check.path) as readonly unknown[];
      const expected = await Promise.all(listOf(says).map((member) => check.expect(member, world)));
      const missing = expected.filter((member) => member === undefined || !members.includes(member));
      const told = world.linesOf(record.record, check.model).filter(({ fate }) => fate === "skipped").length;
      if (missing.length > told) lose(record, field, missing, members);
      return;
    }
    if (check.how !== "answered" && check.how !== "stored") return;
    const column = check.column === "" ? field : check.column;
    const expected = await check.expect(says, record, world);
    const source = check.how === "answered" ? found.answer : await found.row?.();
    const is = pick(source, check.how === "answered" ? check.path : column);
    seen.set(found.name, { ...seen.get(found.name), [`${field} as ${check.how === "answered" ? check.path : column}`]: comparable(is) });
    if (expected === anything || isDeepStrictEqual(comparable(is), comparable(expected))) return;
    if (!lines.some((line) => excused(line, field, column, is, expected))) lose(record, field, expected, is);
  };

  for (const record of world.file) {
    const rule = rules.get(record.model);
    if (rule === undefined) continue;
    for (const field of Object.keys(record.fields)) if (rule.fields[field] === undefined) lose(record, field, "in no category", undefined);
    if (world.linesOf(record.record, record.model).some(({ fate }) => fate === "skipped")) continue;
    const found = await rule.find(record, world);
    if (found === undefined) {
      lose(record, "", "a record", undefined);
      continue;
    }
    seen.set(found.name, seen.get(found.name) ?? {});
    if (world.isRenumbered && userModels.includes(record.model) && record.pk !== undefined && !("externalId" in record.fields)) {
      await checkField({ ...record, fields: record }, "pk", externalId, found);
    }
    for (const field of Object.keys(record.fields)) {
      for (const check of [rule.fields[field] ?? []].flat()) await checkField(record, field, check, found);
    }
  }
  return { losses: [...losses, ...countingLosses(world)], seen };
};

const countBy = (names: readonly string[]): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
};

/** The counts of the report against the file: each model is held with as many records, or named as not held with as many. */
const countingLosses = ({ file, report }: World): Loss[] => {
  const losses: Loss[] = [];
  const compare = (model: string, field: string, says: unknown, is: unknown) => {
    if (!isDeepStrictEqual(says, is)) losses.push({ record: 0, model, field, says, is });
  };
  for (const [model, count] of countBy(file.map((record) => record.model))) {
    const held = report.models.find((counted) => counted.model === model);
    const left = report.notHeld.find(({ name }) => name.toLowerCase() === model);
    if (!rules.has(model)) compare(model, "notHeld", count, left?.count);
    else {
      compare(model, "read", count, held?.read);
      if (report.stored && held !== undefined)
        compare(model, "read", held.read, held.created + held.updated + held.unchanged + held.skipped);
    }
  }
  for (const how of ["ignored", "unknown"] as const) {
    const left = file.flatMap(({ model, fields }) =>
      Object.keys(fields)
        .filter((field) => [rules.get(model)?.fields[field] ?? []].flat().some((check) => check.how === how))
        .map((field) => `${model}.${field}`),
    );
    for (const [name, count] of countBy(left)) {
      const listed = report.unknownFields.find((field) => field.name === name);
      compare(name, how, [count, how === "ignored"], [listed?.count, listed?.reason !== undefined]);
    }
  }
  return losses;
};
