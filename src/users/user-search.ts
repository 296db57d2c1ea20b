import { type DomainError, invalidField } from "../errors.ts";
import { canonicalName } from "../names/canonical.ts";
import { containing, named, type UserCondition, type UserFlag } from "./user-condition.ts";

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

const states: ReadonlyMap<string, { readonly flag: UserFlag; readonly value: boolean }> = new Map([
  ["superuser", { flag: "is_superuser", value: true }],
  ["staff", { flag: "is_staff", value: true }],
  ["active", { flag: "is_active", value: true }],
  ["inactive", { flag: "is_active", value: false }],
] as const);

const stateOf = (token: Token) => {
  const state = states.get(token.value.toLowerCase());
  if (state === undefined) throw refuse(token, "knows is:superuser, is:staff, is:active and is:inactive, not");
  return state;
};

const canonicalNamesOf = (tokens: readonly Token[]): string[] => tokens.map(({ value }) => canonicalName(value));

/** The functions that make one condition of all words with one key; any of the words meets it. */
const keys: ReadonlyMap<string, (tokens: readonly Token[]) => UserCondition> = new Map([
  ["id", (tokens: readonly Token[]): UserCondition => ({ kind: "ids", ids: tokens.map(idOf) })],
  ["name", (tokens: readonly Token[]): UserCondition => named(tokens.map(({ value }) => value))],
  ["email", (tokens: readonly Token[]): UserCondition => ({ kind: "emails", canonicalNames: canonicalNamesOf(tokens) })],
  ["username", (tokens: readonly Token[]): UserCondition => ({ kind: "usernames", canonicalNames: canonicalNamesOf(tokens) })],
  ["permission", (tokens: readonly Token[]): UserCondition => ({ kind: "permissions", permissions: tokens.map(({ value }) => value) })],
  ["is", (tokens: readonly Token[]): UserCondition => ({ kind: "flags", anyOf: tokens.map(stateOf) })],
]);

/**
 * Parses a search such as `jane is:staff id:1 id:2`. All words without a key have to match; words with the same key are alternatives.
 * @throws INVALID_ARGUMENT FIELD_INVALID naming the word that is not understood.
 */
export const parseSearch = (search: string): readonly UserCondition[] => {
  const conditions: UserCondition[] = [];
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
