import { readFileSync } from "node:fs";
import { sql } from "kysely";
import { expect } from "vitest";
import type { OwnedDatabase } from "../../src/db/open.ts";
import { openDatabase } from "../../src/db/orm.ts";
import { readers } from "../../src/import/readers/index.ts";
import { exportForSentry } from "../../src/import/writers/export-for-sentry.ts";
import { createVault } from "../../src/secrets/secrets.ts";
import { cloneDatabase, secretKey, silent } from "../support/database.ts";
import { importRecords, test } from "./fixture.ts";

type SentryRecord = { readonly model: string; readonly pk: number; readonly fields: Readonly<Record<string, unknown>> };

const sample = (name: string): readonly SentryRecord[] =>
  JSON.parse(readFileSync(new URL(`./samples/${name}.json`, import.meta.url), "utf8")) as readonly SentryRecord[];

const exported = async (db: OwnedDatabase, withSecrets = true): Promise<readonly SentryRecord[]> => {
  let text = "";
  const write = async (more: string) => {
    text += more;
  };
  await exportForSentry(db, { withSecrets, vault: createVault(db.secretKey) }, write, () => {});
  return JSON.parse(text) as readonly SentryRecord[];
};

/** Fields that docs/import.md names under "Back to Sentry", beside those that an import does not hold. */
const left = new Set(["sentry.useremail.validation_hash", "sentry.alertrule.team", "sentry.alertrule.user_id"]);

/** What comes back in fields that a file of an older Sentry does not have. */
const added: Readonly<Record<string, object>> = { "sentry.user": { is_unclaimed: false } };

/** Records of samples that an import skips, with a reason in its report: a token without a SHA-256, and an empty address. */
const skipped = new Set(["sentry.orgauthtoken 1 ABCDEFtest-org", "sentry.useremail 5 "]);

const isSkipped = ({ model, pk, fields }: SentryRecord): boolean =>
  skipped.has(`${model} ${pk} ${String(fields["token_hashed"] ?? fields["email"])}`);

/** Fields that come back in another form, and what is the same in both: nobody can verify a hash of MD5, which is noted and becomes no password. */
const forms: Readonly<Record<string, (text: string) => unknown>> = {
  "sentry.rule.data": (text) => JSON.parse(text) as unknown,
  "sentry.userrole.permissions": (text) => text.slice(1, -1).split(", ").toSorted(),
  "sentry.user.password": (text) => (text.startsWith("md5$") ? "!" : text),
};

const inForm = ({ model, pk, fields }: SentryRecord): SentryRecord => ({
  ...{ model, pk },
  fields: Object.fromEntries(
    Object.entries(fields).map(([field, value]) => [
      field,
      typeof value === "string" ? (forms[`${model}.${field}`]?.(value) ?? value) : value,
    ]),
  ),
});

const byModel = new Map(readers.map((reader) => [reader.model, reader]));

/** The records of a sample that userd holds, with all fields that come back. */
const expected = (name: string): readonly SentryRecord[] =>
  sample(name).flatMap((record) => {
    const { model, pk, fields } = record;
    const reader = byModel.get(model);
    // An actor is what it stands for.
    if (reader === undefined || model === "sentry.actor" || isSkipped(record)) return [];
    const back = Object.entries(fields).filter(([field]) => !(field in reader.notHeld) && !left.has(`${model}.${field}`));
    return [inForm({ model, pk, fields: { ...added[model], ...Object.fromEntries(back) } })];
  });

const inOrder = (records: readonly SentryRecord[]) =>
  records.toSorted((a, b) => (a.model === b.model ? a.pk - b.pk : a.model < b.model ? -1 : 1));

test.for(["fresh-install", "user-with-maximum-privileges", "kinds-24.3"])(
  "U44 %s comes back record by record in Sentry's format",
  async (name, { own: db }) => {
    const report = await importRecords(db, sample(name));
    expect(report.stored).toBe(true);
    const records = await exported(db);
    expect(inOrder(records.map(inForm))).toEqual(inOrder(expected(name)));
  },
);

test("U44 what comes back in Sentry's format is read into an empty service, and comes back from there", async ({ own: db }) => {
  await importRecords(db, sample("fresh-install"));
  const first = await exported(db);
  const { url, [Symbol.asyncDispose]: drop } = await cloneDatabase();
  const opened = await openDatabase({ database: { kind: "postgres", url }, poolSize: 2 }, silent);
  try {
    const second = { ...opened, secretKey };
    expect((await importRecords(second, first)).skipped).toEqual([]);
    expect(await exported(second)).toEqual(first);
  } finally {
    await opened[Symbol.asyncDispose]();
    await drop();
  }
});

test("U44 without secrets, and of whom was deleted, nothing is written that only secrets or the deleted have", async ({ own: db }) => {
  await importRecords(db, sample("fresh-install"));
  await sql`update users set delete_time = now(), purge_time = now() where id = 2`.execute(db.sql);
  const records = await exported(db, false);
  expect(records.some(({ model }) => model === "sentry.authenticator")).toBe(false);
  expect(records.filter(({ model }) => model === "sentry.user").map(({ pk, fields }) => [pk, fields["password"]])).toEqual([[1, ""]]);
  expect(records.filter(({ fields }) => fields["user"] === 2 || fields["user_id"] === 2)).toEqual([]);
  expect(records.filter(({ model }) => model === "sentry.organizationmemberteam")).toHaveLength(1);
});
