import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";

/** A filter in CEL, and what it says of a row. */
export type Case<T> = { readonly text: string; readonly isMet: (row: T) => boolean };

/** A field that filters can name, and its value as messages have it; undefined = none. */
export type CaseField<T> = {
  readonly name: string;
  readonly type: "number" | "boolean" | "text" | "time" | "enum";
  readonly isNullable: boolean;
  readonly of: (row: T) => unknown;
  /** The form in which texts are compared. */
  readonly fold?: (text: string) => string;
  /** The name of an enum's value. */
  readonly nameOf?: (value: unknown) => string;
};

type Sortable = bigint | string | number;

/** A value of a field that sorts as its column does. */
export const sortable = (value: unknown): Sortable => {
  if (typeof value !== "object" || value === null) return value as Sortable;
  const { seconds, nanos } = value as unknown as { seconds: bigint; nanos: number };
  return seconds * 1_000_000_000n + BigInt(nanos);
};

const order: Readonly<Record<string, (a: Sortable, b: Sortable) => boolean>> = {
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};

/** A value as filters write it. */
const literal = <T>({ type, nameOf = String }: CaseField<T>, value: unknown): string => {
  if (type === "text") return JSON.stringify(value);
  if (type === "time") return `timestamp("${timestampDate(value as Timestamp).toISOString()}")`;
  return type === "enum" ? nameOf(value) : String(value);
};

/** Every term that there is about a field, with a few of the values that it has in some rows. */
export const casesOf = <T>(field: CaseField<T>, rows: readonly T[]): readonly Case<T>[] => {
  const { name, type, isNullable, of, fold = (text: string) => text } = field;
  const form = (value: unknown): Sortable => (type === "text" ? fold(String(value)) : sortable(value));
  const meets = (isMet: (value: Sortable) => boolean) => (row: T) => of(row) !== undefined && isMet(form(of(row)));
  const known = rows.map(of).filter((value) => value !== undefined);
  const values = [...new Map(known.map((value) => [literal(field, value), value])).values()].slice(0, 2);
  const isOrdered = type !== "boolean" && type !== "enum";
  const compared = Object.keys(order).filter((operator) => isOrdered || ["==", "!="].includes(operator));
  return [
    ...values.flatMap((value) =>
      compared.map((operator) => ({
        text: `${name} ${operator} ${literal(field, value)}`,
        isMet: meets((one) => order[operator]?.(one, form(value)) ?? false),
      })),
    ),
    ...(type === "boolean"
      ? [{ text: name, isMet: (row: T) => of(row) === true }]
      : [[], values].map((some) => ({
          text: `${name} in [${some.map((value) => literal(field, value)).join(", ")}]`,
          isMet: meets((one) => some.some((value) => form(value) === one)),
        }))),
    ...(isNullable ? [{ text: `has(${name})`, isMet: meets(() => true) }] : []),
    ...(type === "text"
      ? values.flatMap((value) =>
          ["", String(value), String(value).slice(0, 4), String(value).slice(1, 5), "_", "%"].flatMap((part) => [
            { text: `${name}.startsWith(${JSON.stringify(part)})`, isMet: meets((one) => String(one).startsWith(fold(part))) },
            { text: `${name}.contains(${JSON.stringify(part)})`, isMet: meets((one) => String(one).includes(fold(part))) },
          ]),
        )
      : []),
  ];
};

/** What every row meets, and what none does. */
export const constants: readonly Case<unknown>[] = [
  { text: "true", isMet: () => true },
  { text: "false", isMet: () => false },
];

/** Terms in groups, and their negations. */
export const combined = <T>(cases: readonly Case<T>[]): fc.Arbitrary<Case<T>> =>
  fc.letrec<{ tree: Case<T> }>((tie) => {
    const group = fc.array(tie("tree"), { minLength: 2, maxLength: 3 });
    const join = (parts: readonly Case<T>[], operator: string): string => `(${parts.map(({ text }) => text).join(` ${operator} `)})`;
    return {
      tree: fc.oneof(
        { maxDepth: 3, depthIdentifier: "filter" },
        fc.constantFrom(...cases, ...constants),
        group.map((parts) => ({ text: join(parts, "&&"), isMet: (row: T) => parts.every(({ isMet }) => isMet(row)) })),
        group.map((parts) => ({ text: join(parts, "||"), isMet: (row: T) => parts.some(({ isMet }) => isMet(row)) })),
        tie("tree").map((part) => ({ text: `!(${part.text})`, isMet: (row: T) => !part.isMet(row) })),
      ),
    };
  }).tree;
