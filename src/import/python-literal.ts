import { FieldFault } from "./fault.ts";

/** The words that stand for values, in Python and in JSON. */
const words = new Map<string, unknown>([
  ["None", null],
  ["True", true],
  ["False", false],
  ["null", null],
  ["true", true],
  ["false", false],
]);
const escapes = new Map([
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
  ["b", "\b"],
  ["f", "\f"],
  ["a", "\x07"],
  ["v", "\v"],
  ["0", "\0"],
]);
const MAX_LEVELS = 24;

const space = /\s*/y;
const scalar = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[A-Za-z]+/y;
const string = /[uU]?(?:'((?:[^'\\]|\\[\s\S])*)'|"((?:[^"\\]|\\[\s\S])*)")/y;
const escapeSequence = /\\(?:u([\da-fA-F]{4})|U([\da-fA-F]{8})|x([\da-fA-F]{2})|([\s\S]))/g;

const withoutEscapes = (text: string): string =>
  text.replace(escapeSequence, (_, u?: string, U?: string, x?: string, letter?: string) => {
    const code = u ?? U ?? x;
    if (code === undefined) return letter === "\n" ? "" : (escapes.get(letter ?? "") ?? letter ?? "");
    const point = Number.parseInt(code, 16);
    if (point > 0x10ffff) throw new FieldFault("holds an escape that stands for no character");
    return String.fromCodePoint(point);
  });

/** Parses lists, tuples, text, numbers, True, False and None as Python prints them. Throws FieldFault for anything else. */
export const pythonLiteral = (text: string): unknown => {
  let at = 0;
  const fault = () => new FieldFault(`is neither JSON nor a Python literal (at character ${at + 1})`);
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match) at = pattern.lastIndex;
    return match;
  };
  const skip = (): string => {
    take(space);
    return text.charAt(at);
  };
  const listTo = (end: string, level: number): unknown[] => {
    if (level > MAX_LEVELS) throw new FieldFault(`is nested deeper than ${MAX_LEVELS} levels`);
    const members: unknown[] = [];
    at += 1;
    while (skip() !== end) {
      members.push(value(level));
      if (skip() === ",") at += 1;
      else if (text.charAt(at) !== end) throw fault();
    }
    at += 1;
    return members;
  };
  const value = (level: number): unknown => {
    const next = skip();
    if (next === "[") return listTo("]", level + 1);
    if (next === "(") return listTo(")", level + 1);
    const quoted = take(string);
    if (quoted) return withoutEscapes(quoted[1] ?? quoted[2] ?? "");
    const word = take(scalar)?.[0];
    if (word === undefined) throw fault();
    if (words.has(word)) return words.get(word);
    const number = Number(word);
    if (!Number.isFinite(number)) throw fault();
    return number;
  };
  const read = value(0);
  if (skip() !== "") throw fault();
  return read;
};
