import { type DomainError, invalidField } from "../errors.ts";
import { is, oneOf } from "../filter/terms.ts";
import type { Condition } from "../filter/tree.ts";
import { addressed, containing, named, permitted } from "./user-condition.ts";
import { userFields } from "./user-fields.ts";

/** A word of a search, `value` or `key:value`, without its quotes. */
type Token = { readonly key: string | undefined; readonly value: string };

/** The text before the colon, then that in quotes (with \" and \\ inside them), or else up to the next space. */
const WORD = /(?:([A-Za-z_.-]+):)?(?:"((?:[^"\\]|\\.)*)"(?=\s|$)|([^\s"]\S*))?/y;

const MAX_ID = 2n ** 63n - 1n;
const MAX_SHOWN = 64;

/** A word as an error shows it. An address or anything long is not repeated: the key alone says enough. */
const shown = ({ key, value }: Token): string => {
  const prefix = key === undefined ? "" : `${key}:`;
  return `"${prefix}${value.includes("@") || value.length > MAX_SHOWN ? "…" : value}"`;
};

const refuse = (token: Token, what: string): DomainError => invalidField("search", `${what}: ${shown(token)}`);

const tokensOf = (search: string): Token[] => {
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    at += /^\s*/.exec(search.slice(at))?.[0].length ?? 0;
    if (at === search.length) return tokens;
    WORD.lastIndex = at;
    const [word = "", key, quoted, plain] = WORD.exec(search) ?? [];
    if (word === "") throw refuse({ key: undefined, value: search.slice(at).split(/\s/)[0] ?? "" }, "has a quote that does not end");
    const token = { key: key?.toLowerCase(), value: quoted?.replace(/\\(.)/g, "$1") ?? plain ?? "" };
    if (token.value === "")
      throw refuse(token, search[WORD.lastIndex] === '"' ? "has a quote that does not end" : "has a word without a value");
    tokens.push(token);
    at = WORD.lastIndex;
  }
};

const idOf = (token: Token): bigint => {
  const id = /^\d{1,19}$/.test(token.value) ? BigInt(token.value) : 0n;
  if (id === 0n || id > MAX_ID) throw refuse(token, "has a word that is not an id");
  return id;
};

const states: ReadonlyMap<string, Condition> = new Map([
  ["superuser", is(userFields.is_superuser, true)],
  ["staff", is(userFields.is_staff, true)],
  ["active", is(userFields.is_active, true)],
  ["inactive", is(userFields.is_active, false)],
]);

const stateOf = (token: Token) => {
  const state = states.get(token.value.toLowerCase());
  if (state === undefined) throw refuse(token, "knows is:superuser, is:staff, is:active and is:inactive, not");
  return state;
};

const valuesOf = (tokens: readonly Token[]): string[] => tokens.map(({ value }) => value);

/** The functions that make one condition of all words with one key; any of the words meets it. */
const keys: ReadonlyMap<string, (tokens: readonly Token[]) => Condition> = new Map<string, (tokens: readonly Token[]) => Condition>([
  ["id", (tokens) => oneOf(userFields.id, tokens.map(idOf))],
  ["name", (tokens) => named(valuesOf(tokens))],
  ["email", (tokens) => addressed(valuesOf(tokens))],
  ["username", (tokens) => oneOf(userFields.username, valuesOf(tokens))],
  ["permission", (tokens) => permitted(valuesOf(tokens))],
  ["is", (tokens) => ({ op: "or", parts: tokens.map(stateOf) })],
]);

/**
 * Parses a search such as `jane is:staff id:1 id:2`. All words without a key have to match; words with the same key are alternatives.
 * @throws INVALID_ARGUMENT FIELD_INVALID naming the word that is not understood.
 */
export const parseSearch = (search: string): readonly Condition[] => {
  const conditions: Condition[] = [];
  const byKey = new Map<string, Token[]>();
  for (const token of tokensOf(search)) {
    if (token.key === undefined) conditions.push(containing(token.value));
    else if (keys.has(token.key)) byKey.set(token.key, [...(byKey.get(token.key) ?? []), token]);
    else throw refuse(token, "has a key that it does not know; in quotes it is text");
  }
  for (const [key, tokens] of byKey) {
    const condition = keys.get(key)?.(tokens);
    if (condition) conditions.push(condition);
  }
  return conditions;
};
