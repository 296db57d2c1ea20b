import { parse } from "@bufbuild/cel";
import { type DomainError, failedPrecondition, invalidField } from "../errors.ts";

/** A node of the syntax tree of a filter. */
export type Expr = ReturnType<typeof parse>["expr"];

/**
 * The syntax tree of a filter, with functions that check a node or make an error about a node. The error's message is the position of the
 * node in the filter's text, followed by `says`.
 */
export type ParsedFilter = {
  readonly expr: Expr;
  /** Tells whether a node is a text in plain quotes with no other escapes than CEL's: the parser takes others as they stand. */
  readonly isPlain: (at: Expr) => boolean;
  /** Returns the place of a node, such as "at line 1, column 4". */
  readonly placeOf: (at: Expr) => string;
  readonly invalid: (at: Expr, says: string) => DomainError;
  readonly notIndexed: (at: Expr, says: string) => DomainError;
};

/** The maximum number of terms, such as comparisons, in one filter. */
export const MAX_TERMS = 50;

/** The most brackets that stand in one another. */
const MAX_OPEN = 16;

/** The most brackets in all. */
const MAX_BRACKETS = 4 * MAX_TERMS;

/** The most places that are in no filter, and the most brackets that nothing closes, of which the parser is asked. */
const MAX_ODD = 3;

const OPERAND = 'a field, a value, has(…), timestamp("…"), "!", "(" or "["';
const OPERATOR = '==, !=, <, <=, > or >= with a value, in with a list, .startsWith("…"), && or || with another term, or the end';

const plainText = /(["'])(?:(?!\1)[^\\]|\\(?:[abfnrtv\\?"'`]|[0-3][0-7]{2}|x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}))*\1/y;

/** Escapes of what is no character, for which the parser has an error without a place. */
const badEscape = /\\(?:u|U0000)[dD][89a-fA-F]|\\U(?!00(?:0|10))/;

const placeOf = (text: string, offset: number): string => {
  const lines = text.slice(0, offset).split(/\r\n|\r|\n/);
  return `at line ${lines.length}, column ${[...(lines.at(-1) ?? "")].length + 1}`;
};

const invalidAt = (text: string, offset: number, says: string): DomainError => invalidField("filter", `${placeOf(text, offset)}: ${says}`);

/**
 * The texts in quotes, and what decides how long a parser takes for the rest. First what would hide the rest, since quotes and escapes mean
 * something else in it: comments, and texts that are raw or in triple quotes.
 */
const tokens = /(?<comment>\/\/)|(?<unplain>[bB]?(?:[rR]["']|[rR]?(?:"""|''')))|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[()[\]{}?,]|&&|\|\|/gs;

/**
 * Refuses what the parser would take long for. Its time grows with the cube of brackets that nothing closes, and with lists in
 * lists, further arguments and conditional operators, which no filter has. It judges a few of these itself, and says more about them.
 * @throws INVALID_ARGUMENT with the place.
 */
const requireQuick = (text: string): void => {
  const open: string[] = [];
  const odd: number[] = [];
  let terms = 1;
  let brackets = 0;
  for (const { 0: token, index, groups } of text.matchAll(tokens)) {
    const around = open.at(-1);
    if (groups?.["comment"]) throw invalidAt(text, index, "a comment begins here, and a filter has none");
    if (groups?.["unplain"]) throw invalidAt(text, index, "there may be a text in plain quotes, neither raw nor in triple quotes");
    if (token === "(" || token === "[") {
      if (open.push(token) > MAX_OPEN) throw invalidAt(text, index, `more than ${MAX_OPEN} brackets in one another`);
      if (++brackets > MAX_BRACKETS) throw invalidAt(text, index, `more than ${MAX_BRACKETS} brackets`);
      if (token === "[" && around === "[") odd.push(index);
    } else if (token === ")" || token === "]") {
      open.pop();
    } else if (token === "&&" || token === "||") {
      terms += 1;
      if (terms > 2 * MAX_TERMS) throw invalidAt(text, index, `more than ${MAX_TERMS} terms`);
    } else if (/^[{}?]$/.test(token) || (token === "," && around !== "[")) odd.push(index);
    if (odd.length > MAX_ODD) throw invalidAt(text, odd[0] ?? 0, "what begins here is in no filter");
  }
  if (open.length > MAX_ODD) throw invalidAt(text, text.length, `${open.length} brackets are not closed`);
};

/** What the parser throws: the place where it stopped, and the names of what it expected there. */
type SyntaxFault = {
  readonly location?: { readonly start: { readonly offset: number } };
  readonly expected?: readonly { readonly value: string }[];
};

const syntaxError = (text: string, error: unknown): DomainError => {
  const { location, expected = [] } = error as SyntaxFault;
  if (location === undefined) {
    const at = text.search(badEscape);
    return at < 0
      ? invalidAt(text, 0, "what begins here has too much in it to be read")
      : invalidAt(text, at, "an escape that is no character");
  }
  const names = new Set(expected.map(({ value }) => value).filter((name) => name !== "whitespace" && name !== "comment"));
  const allowed = names.has("identifier")
    ? OPERAND
    : names.has("end of input")
      ? OPERATOR
      : [...names].map((name) => `"${name}"`).join(", ");
  return invalidAt(text, location.start.offset, `what begins here can't be read; there may be ${allowed}`);
};

/**
 * Parses a filter, which is written in CEL. The text may have a few KB at most.
 * @throws INVALID_ARGUMENT with the position of the fault in the text.
 */
export const parseFilter = (text: string): ParsedFilter => {
  requireQuick(text);
  try {
    const { expr, sourceInfo } = parse(text);
    // An operator begins with the blanks before it, says the parser.
    const offsetOf = ({ id }: Expr): number => {
      const offset = sourceInfo?.positions[String(id)] ?? 0;
      return offset + text.slice(offset).search(/\S|$/);
    };
    return {
      expr,
      isPlain: (at) => {
        plainText.lastIndex = offsetOf(at);
        return plainText.test(text);
      },
      placeOf: (at) => placeOf(text, offsetOf(at)),
      invalid: (at, says) => invalidAt(text, offsetOf(at), says),
      notIndexed: (at, says) => {
        const description = `${placeOf(text, offsetOf(at))}: ${says}`;
        return failedPrecondition("QUERY_NOT_INDEXED", `filter ${description}`, { violations: [{ field: "filter", description }] });
      },
    };
  } catch (error) {
    throw syntaxError(text, error);
  }
};
