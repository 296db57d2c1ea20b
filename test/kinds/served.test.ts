import { describe, expect } from "vitest";
import { families } from "../../src/contract/kinds/families.ts";
import type { Kind } from "../../src/contract/kinds/kind.ts";
import { standardMethods } from "../../src/contract/kinds/methods.ts";
import { kinds } from "../../src/schema/entities.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { expectRefusal } from "../support/errors.ts";
import { test } from "../support/service.ts";
import { makerOf } from "./maker.ts";

test("the services of families have the standard RPCs of their kinds, and no others", () => {
  const ofKinds = kinds.flatMap((kind) => standardMethods(kind).map(([, name]) => `${kind.service}/${name}`));
  expect(families.flatMap(({ name, methods }) => methods.map((method) => `${name}/${method.name}`)).toSorted()).toEqual(ofKinds.toSorted());
});

/** The columns of objects, or of lists of them. */
const jsonColumns = (kind: Kind) => kind.columns.filter(({ type, field }) => type === "jsonb" && field.message !== undefined);

describe.for(kinds)("$name", (kind) => {
  test("refuses unknown JSON fields, and is counted in /metrics", async ({ service, clients }) => {
    const maker = await makerOf(clients["grpc-js"], kind);
    const root = `http://${formatAddress(service.httpAddress)}`;
    const method = `${families.find(({ name }) => name === kind.service)?.typeName}/${standardMethods(kind)[0]?.[1]}`;
    const resource = { [kind.parent.field.localName]: String(maker.parentId), nothing: 1 };
    const response = await fetch(`${root}/${method}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(kind.isLarge ? { [maker.several]: [resource] } : { [maker.field]: resource }),
    });
    expect([response.status, await response.text()]).toEqual([400, expect.stringContaining("nothing")]);
    // The page is made once a second.
    const page = async () => (await fetch(`${root}/metrics`)).text();
    await expect.poll(page, { timeout: 10_000 }).toContain(`userd_calls_total{method="${method}",code="INVALID_ARGUMENT"}`);
  });

  test("refuses JSON that is nested too deep or too large", async ({ clients }) => {
    const maker = await makerOf(clients["grpc-js"], kind);
    const deep = JSON.parse(`${'{"a":'.repeat(30)}1${"}".repeat(30)}`);
    for (const { field } of jsonColumns(kind)) {
      const create = (value: object) => maker.create({ [field.localName]: field.fieldKind === "list" ? [value] : value });
      await expectRefusal(create(deep), "InvalidArgument", "OPTION_VALUE_TOO_DEEP");
      await expectRefusal(create({ a: "x".repeat(70_000) }), "InvalidArgument", "OPTION_VALUE_TOO_LARGE");
    }
  });

  test("ends pages before an answer is too large", { timeout: 60_000 }, async ({ clients }) => {
    const maker = await makerOf(clients["grpc-js"], kind);
    const json = jsonColumns(kind);
    if (json.length === 0) return;
    const zeros = { zeros: Array(20_000).fill(0) };
    const large = Object.fromEntries(json.map(({ field }) => [field.localName, field.fieldKind === "list" ? [zeros] : zeros]));
    for (let n = 0; n < 20; n++) await maker.create(large);
    const seen = new Set<unknown>();
    for (let pageToken = ""; ; ) {
      const page = await maker.call("List", { [kind.listedBy.localName]: maker.parentId, pageToken });
      for (const { id } of page[maker.several] as { id: bigint }[]) seen.add(id);
      pageToken = page.nextPageToken;
      if (pageToken === "") break;
    }
    expect(seen.size).toBe(20);
  });
});
