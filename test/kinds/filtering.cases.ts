import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { expect } from "vitest";
import type { Column, Kind } from "../../src/contract/kinds/kind.ts";
import { filterFieldsOf } from "../../src/kinds/filter-fields.ts";
import type { ClientKind } from "../support/clients.ts";
import { expectRefusal } from "../support/errors.ts";
import type { ServiceTest } from "../support/service.ts";
import { list, local, sortable, update, walk } from "./asking.ts";
import { alternatives, anotherValue, type Maker, makerOf, moreThings, type Shown } from "./maker.ts";

/** A filter, and what it says of a resource. */
type Case = { readonly text: string; readonly isMet: (shown: Shown) => boolean };

const order: Readonly<Record<string, (a: bigint | string | number, b: bigint | string | number) => boolean>> = {
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};

const isOrdered = ({ type }: Column): boolean => type !== "boolean" && type !== "smallint";

/** A value as filters write it. */
const literal = ({ type, field }: Column, value: unknown): string => {
  if (type === "text") return JSON.stringify(value);
  if (type === "timestamptz") return `timestamp("${timestampDate(value as Timestamp).toISOString()}")`;
  return (type === "smallint" && field.enum?.values.find(({ number }) => number === value)?.name) || String(value);
};

const casesOf = (column: Column, values: readonly unknown[]): readonly Case[] => {
  const { name, type, isNullable } = column;
  const of = (isMet: (value: bigint | string | number) => boolean) => (shown: Shown) =>
    shown[local(column)] !== undefined && isMet(sortable(shown[local(column)]));
  const compared = Object.keys(order).filter((operator) => isOrdered(column) || ["==", "!="].includes(operator));
  return [
    ...values.flatMap((value) =>
      compared.map((operator) => ({
        text: `${name} ${operator} ${literal(column, value)}`,
        isMet: of((one) => order[operator]?.(one, sortable(value)) ?? false),
      })),
    ),
    ...(type === "boolean"
      ? [{ text: name, isMet: (shown: Shown) => shown[local(column)] === true }]
      : [[], values].map((some) => ({
          text: `${name} in [${some.map((value) => literal(column, value)).join(", ")}]`,
          isMet: of((one) => some.some((value) => sortable(value) === one)),
        }))),
    ...(isNullable ? [{ text: `has(${name})`, isMet: of(() => true) }] : []),
    ...(type === "text"
      ? values.flatMap((value) =>
          ["", String(value), String(value).slice(0, 4), "_", "%"].map((prefix) => ({
            text: `${name}.startsWith(${JSON.stringify(prefix)})`,
            isMet: of((one) => String(one).startsWith(prefix)),
          })),
        )
      : []),
  ];
};

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
  const cases = kind.columns
    .filter(({ name }) => names.has(name))
    .flatMap((column) => {
      const values = rows.map((row) => row[local(column)]).filter((value) => value !== undefined);
      return casesOf(column, [...new Map(values.map((value) => [literal(column, value), value])).values()].slice(0, 2));
    });
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

const constants: readonly Case[] = [
  { text: "true", isMet: () => true },
  { text: "false", isMet: () => false },
];

/** Terms in groups, and their negations. */
const combined = (cases: readonly Case[]): fc.Arbitrary<Case> =>
  fc.letrec<{ tree: Case }>((tie) => {
    const group = fc.array(tie("tree"), { minLength: 2, maxLength: 3 });
    const join = (parts: readonly Case[], operator: string): string => `(${parts.map(({ text }) => text).join(` ${operator} `)})`;
    return {
      tree: fc.oneof(
        { maxDepth: 3, depthIdentifier: "filter" },
        fc.constantFrom(...cases, ...constants),
        group.map((parts) => ({ text: join(parts, "&&"), isMet: (shown: Shown) => parts.every(({ isMet }) => isMet(shown)) })),
        group.map((parts) => ({ text: join(parts, "||"), isMet: (shown: Shown) => parts.some(({ isMet }) => isMet(shown)) })),
        tie("tree").map((part) => ({ text: `!(${part.text})`, isMet: (shown: Shown) => !part.isMet(shown) })),
      ),
    };
  }).tree;

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
      { numRuns: 40 },
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
    for (const { name } of kind.columns.filter((column) => column.type === "jsonb" || column.name === "etag")) {
      const refused = await expectRefusal(list(maker, { filter: `${name} == "1"` }), "InvalidArgument", "FIELD_INVALID");
      expect(refused.error.rawMessage).toContain("filter at line 1, column 1: ");
    }
  });
};
