import fc from "fast-check";
import { expect } from "vitest";
import { type Column, isComparable, type Kind } from "../../src/contract/kinds/kind.ts";
import { filterFieldsOf } from "../../src/kinds/filter-fields.ts";
import type { ClientKind } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import { type CaseField, casesOf, combined, constants } from "../support/filter-cases.ts";
import type { ServiceTest } from "../support/service.ts";
import { list, local, update, walk } from "./asking.ts";
import { alternatives, anotherValue, type Maker, makerOf, moreThings, type Shown } from "./maker.ts";

/** A column as a field of filters. */
const fieldOf = (column: Column): CaseField<Shown> => ({
  name: column.name,
  type: (
    {
      bigint: "number",
      int: "number",
      "double precision": "number",
      smallint: "enum",
      boolean: "boolean",
      text: "text",
      timestamptz: "time",
      jsonb: "text",
      bytea: "text",
    } as const
  )[column.type],
  isNullable: column.isNullable,
  of: (shown) => shown[local(column)],
  nameOf: (value) => column.field.enum?.values.find(({ number }) => number === value)?.name ?? "",
});

/** Resources that differ, some without what may be absent and one deleted, and every single term that there is about them. */
const arrange = async (maker: Maker, other: Readonly<Record<string, bigint>>) => {
  const { kind } = maker;
  const optional = kind.columns.filter(({ isOutputOnly, isRequired }) => !isOutputOnly && !isRequired);
  const absent = Object.fromEntries([
    ...optional.map((column) => [local(column), undefined]),
    ...kind.links.filter(({ isRequired }) => !isRequired).map((link) => [link.field.localName, []]),
  ]);
  const both = Object.fromEntries(kind.links.map(({ field, to }) => [field.localName, [maker.things[to.name], other[to.name]]]));
  const others = Object.fromEntries(
    optional
      .filter((column) => column.reference && !alternatives(kind).includes(column))
      .map((column) => [local(column), other[column.reference?.to.name ?? ""]]),
  );
  for (const fields of [{}, absent, both, others]) await maker.create(fields);
  for (const column of optional.filter(({ type, isImmutable }) => (type === "boolean" || type === "smallint") && !isImmutable)) {
    const { id, [local(column)]: before } = await maker.create();
    await update(maker, { id, [local(column)]: anotherValue(column, before) });
  }
  const { id: last } = await maker.create();
  if (kind.isSoft) await maker.call("Delete", { id: last });
  const { rows } = await list(maker, { showDeleted: true });

  const names = filterFieldsOf(kind).declared;
  const cases = kind.columns.filter(({ name }) => names.has(name)).flatMap((column) => casesOf(fieldOf(column), rows));
  const ofLinks = kind.links.flatMap(({ name, field, to }) => {
    const idsOf = (shown: Shown) => shown[field.localName] as readonly bigint[];
    return [
      ...[maker.things[to.name], other[to.name], 1n].map((id = 0n) => ({
        text: `${id} in ${name}`,
        isMet: (shown: Shown) => idsOf(shown).includes(id),
      })),
      { text: `has(${name})`, isMet: (shown: Shown) => idsOf(shown).length > 0 },
    ];
  });
  return { rows, cases: [...cases, ...ofLinks] };
};

/** The cases of filters: each against a naive one over all rows. */
export const filteringCases = (test: ServiceTest, clientKind: ClientKind, kind: Kind): void => {
  // Hundreds of lists, in which one client is like another.
  if (clientKind === "grpc-js") {
    test("is filtered by each field with each operator", async ({ clients }) => {
      const maker = await makerOf(clients[clientKind], kind);
      const { rows, cases } = await arrange(maker, await moreThings(clients[clientKind], maker));
      for (const { text, isMet } of [...cases, ...constants]) {
        const [found, others] = [
          await list(maker, { filter: text, showDeleted: true }),
          await list(maker, { filter: `!(${text})`, showDeleted: true }),
        ];
        expect([text, found.rows.map(({ id }) => id)]).toEqual([text, rows.filter(isMet).map(({ id }) => id)]);
        expect([`!(${text})`, others.rows]).toEqual([`!(${text})`, rows.filter((row) => !isMet(row))]);
      }
    });
  }

  test("is filtered by terms in groups, page by page in any order", async ({ clients }) => {
    const maker = await makerOf(clients[clientKind], kind);
    const { rows, cases } = await arrange(maker, await moreThings(clients[clientKind], maker));
    await fc.assert(
      fc.asyncProperty(combined(cases), fc.boolean(), async ({ text, isMet }, isDescending) => {
        const expected = rows.filter((row) => isMet(row) && row["deleteTime"] === undefined).map(({ id }) => id);
        const found = await walk(maker, { filter: text, orderBy: isDescending ? "id desc" : "" });
        expect(found.map(({ id }) => id)).toEqual(isDescending ? expected.toReversed() : expected);
        const { totalSize } = await maker.call("List", { [kind.listedBy.localName]: maker.parentId, filter: text, count: true });
        expect(totalSize).toBe(BigInt(expected.length));
      }),
      // There are as many seeds as kinds, each time others.
      { numRuns: clientKind === "grpc-js" ? 15 : 3 },
    );
    const { nextPageToken } = await list(maker, { filter: "id > 0", pageSize: 1 });
    expect(nextPageToken).not.toBe("");
    const ofAnother = list(maker, { filter: "id > 1", pageSize: 1, pageToken: nextPageToken });
    await expectRefusal(ofAnother, "InvalidArgument", "PAGE_TOKEN_MISMATCH");
  });

  test("is not filtered by what is not declared for that, nor by JSON and etags", async ({ clients }) => {
    const maker = await makerOf(clients[clientKind], kind);
    const { declared, undeclared } = filterFieldsOf(kind);
    for (const name of undeclared) {
      const refused = await expectRefusal(list(maker, { filter: `id > 0 &&\n  has(${name})` }), "FailedPrecondition", "QUERY_NOT_INDEXED");
      expect(refused.fields).toEqual(["filter"]);
      expect(refused.error.rawMessage).toContain("filter at line 2, column 7: ");
      expect(refused.error.rawMessage).toContain([...declared.keys()].join(", "));
    }
    for (const { name } of kind.columns.filter(({ type, name: of }) => !isComparable(type) || of === "etag")) {
      const refused = await expectRefusal(list(maker, { filter: `${name} == "1"` }), "InvalidArgument", "FIELD_INVALID");
      expect(refused.error.rawMessage).toContain("filter at line 1, column 1: ");
    }
  });
};
