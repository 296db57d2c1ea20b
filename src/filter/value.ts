import { type RawBuilder, sql } from "kysely";
import { momentTextFault } from "../moment.ts";
import type { FilterType } from "./fields.ts";
import type { Expr, ParsedFilter } from "./parse.ts";

const MAX_INT64 = 2n ** 63n - 1n;

const constantOf = ({ exprKind }: Expr) => (exprKind.case === "constExpr" ? exprKind.value.constantKind : undefined);

const textOf = (at: Expr, { isPlain }: ParsedFilter): string | undefined => {
  const constant = constantOf(at);
  return constant?.case === "stringValue" && isPlain(at) && !constant.value.includes("\0") ? constant.value : undefined;
};

/** Columns have milliseconds. A moment between two of them stays between them, whatever it is compared with. */
const momentOf = (text: string): string => {
  const moment = new Date(text).toISOString();
  return /\.\d{3}\d*[1-9]/.test(text) ? moment.replace("Z", "5Z") : moment;
};

const timestampOf = ({ exprKind }: Expr, filter: ParsedFilter): string | undefined => {
  if (exprKind.case !== "callExpr" || exprKind.value.function !== "timestamp" || exprKind.value.target !== undefined) return undefined;
  const [argument, ...rest] = exprKind.value.args;
  const text = argument === undefined || rest.length > 0 ? undefined : textOf(argument, filter);
  return text === undefined || momentTextFault(text) !== undefined ? undefined : momentOf(text);
};

/** Reads a value; undefined = it is of another type. */
type Reader = (at: Expr, filter: ParsedFilter, values: FilterType["values"]) => string | boolean | number | undefined;

const wholeNumber: Reader = (at) => {
  const constant = constantOf(at);
  const isInt64 = constant?.case === "int64Value" && constant.value <= MAX_INT64 && constant.value >= -MAX_INT64 - 1n;
  return isInt64 ? String(constant.value) : undefined;
};

const readers: Readonly<Record<FilterType["type"], Reader>> = {
  bigint: wholeNumber,
  int: wholeNumber,
  boolean: (at) => {
    const constant = constantOf(at);
    return constant?.case === "boolValue" ? constant.value : undefined;
  },
  text: textOf,
  timestamptz: timestampOf,
  enum: ({ exprKind }, _, values) => (exprKind.case === "identExpr" ? values.get(exprKind.value.name) : undefined),
};

/** What a value of a type is, in the sentences of errors. */
const wordsOf = ({ type, values }: FilterType): string =>
  ({
    bigint: "a whole number of 64 bits",
    int: "a whole number of 64 bits",
    boolean: "true or false",
    text: "a text in plain quotes with escapes of CEL and without a NUL character",
    timestamptz: 'a moment of the years 1 to 9999 such as timestamp("2026-01-31T12:00:00Z")',
    enum: `one of ${[...values.keys()].join(", ")}`,
  })[type];

/**
 * Reads the value that a filter compares a field with.
 * @throws INVALID_ARGUMENT for a value of another type than the field's.
 */
export const readValue = (filter: ParsedFilter, field: FilterType, at: Expr): string | boolean | number => {
  const value = readers[field.type](at, filter, field.values);
  if (value === undefined) throw filter.invalid(at, `there may be ${wordsOf(field)}`);
  return value;
};

/**
 * Makes the SQL parameter for a user id that a filter contains; 0 stands for no user.
 * @throws INVALID_ARGUMENT for a value that is not a whole number of 64 bits, or is negative.
 */
export const boundUserId = (filter: ParsedFilter, at: Expr): RawBuilder<unknown> => {
  const value = wholeNumber(at, filter, new Map());
  if (value === undefined || String(value).startsWith("-"))
    throw filter.invalid(at, "there may be the id of a user, a whole number of 64 bits that is not negative");
  return sql`${value}::bigint`;
};
