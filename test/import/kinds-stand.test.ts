import { sql } from "kysely";
import { expect } from "vitest";
import type { Kind } from "../../src/contract/kinds/kind.ts";
import { importedKinds } from "../../src/import/kinds/staging.ts";
import { resourceField } from "../../src/kinds/resource-fields.ts";
import { changeable } from "../kinds/asking.ts";
import { anotherValue } from "../kinds/maker.ts";
import { type ServiceWith, serviceWith } from "../options/service-with.ts";
import { fileText } from "./accounting/fixture.ts";
import { importRecords, rowsOf, stateOf, test } from "./fixture.ts";

const call = (service: ServiceWith, kind: Kind, verb: string, request: object): Promise<unknown> =>
  (service.families[kind.service] as unknown as Record<string, (request: object) => Promise<unknown>>)[`${verb}${kind.message.name}`]?.(
    request,
  ) ?? Promise.reject(new Error(`there is no ${verb}`));

test("what calls change, unlink and remove of the resources of every kind stands", { timeout: 120_000 }, async ({ own: db, ownUrl }) => {
  const file = fileText("accounting/files/all-of-sentry");
  const ofKinds = async () => Object.entries((await stateOf(db))[0] ?? {}).filter(([name]) => name.startsWith("kind_"));
  await importRecords(db, file);
  const first = await ofKinds();
  await using service = await serviceWith(ownUrl, {});
  const idsOf = ({ table }: Kind) => rowsOf<{ id: string }>(db, sql`select id from ${sql.table(table)} order by id`);
  for (const { kind } of importedKinds) {
    const [changed, second] = await idsOf(kind);
    expect([kind.name, second], "give the kind two records in all-of-sentry.json").not.toEqual([kind.name, undefined]);
    // Who has another key is another one for imports, as with slugs.
    const free = changeable(kind).filter((column) => !kind.keys.some(({ columns }) => columns.includes(column)));
    const values = free.map((column) => [column.field.localName, anotherValue(column)]);
    const links = kind.links.filter(({ isRequired }) => !isRequired);
    await call(service, kind, "update", {
      [resourceField(kind)]: { id: BigInt(changed?.id ?? 0), ...Object.fromEntries(values) },
      updateMask: { paths: [...free, ...links].map(({ name }) => name) },
    });
  }
  for (const { kind } of importedKinds.toReversed()) {
    const request = { id: BigInt((await idsOf(kind))[1]?.id ?? 0) };
    await call(service, kind, kind.isSoft ? "purge" : "delete", request);
  }
  const before = await ofKinds();
  const report = await importRecords(db, file);
  expect(await ofKinds()).toEqual(before);
  for (const { models } of importedKinds) {
    const of = (lines: typeof report.notes, reason: RegExp) =>
      lines
        .filter((one) => reason.test(one.reason))
        .flatMap(({ examples }) => examples.filter((example) => example.startsWith(`${models[0]?.model} `)));
    expect([models, of(report.notes, /^it was changed here since/)]).toEqual([models, [expect.any(String)]]);
    expect([models, of(report.skipped, /^it was removed here since|^its integration was skipped$/)]).toEqual([
      models,
      expect.arrayContaining([expect.any(String)]),
    ]);
  }
  await importRecords(db, file, { overwrite: true });
  // A kind that is not imported has no rows.
  for (const [name, rows] of (await ofKinds()).filter(([, found]) => found !== null)) {
    const imported = first.find(([one]) => one === name)?.[1] as readonly object[];
    const said = (listed: unknown) =>
      (listed as readonly Record<string, unknown>[]).map(({ id: _, etag: __, create_time: ___, ...values }) => values);
    expect([name, said(rows)]).toEqual([name, expect.arrayContaining(said(imported))]);
  }
});
