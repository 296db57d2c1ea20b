import { PROFILE, sealedOf, tokenOf, type UnplacedKind } from "./kind.ts";

/** A verb with which the name of a standard RPC begins, such as Get in GetRelease. */
export type StandardVerb =
  | "Create"
  | "Append"
  | "Get"
  | "BatchGet"
  | "Update"
  | "Delete"
  | "Undelete"
  | "Purge"
  | "List"
  | "Transfer"
  | "Reveal"
  | "Verify";

/** Converts a name in snake case to the case of the names of messages, such as ApiKey. */
export const pascalCase = (name: string): string => name.replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** Converts a name in snake case to the case of the local names of fields, such as apiKey, or line2 for line_2. */
export const camelCase = (name: string): string => name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** Puts "a" or "an" before a word. */
export const withArticle = (word: string): string => `${/^[aeiou]/.test(word) ? "an" : "a"} ${word}`;

/** Returns the standard verbs that a kind has, each with the name of its RPC, such as Get with GetRelease. */
export const standardMethods = (kind: UnplacedKind): readonly (readonly [verb: StandardVerb, name: string])[] => {
  const { message, plural, isSoft, isLarge } = kind;
  const one = message.name;
  const several = pascalCase(plural);
  if (isLarge)
    return [
      ["Append", `Append${several}`],
      ["Get", `Get${one}`],
      ["BatchGet", `BatchGet${several}`],
      ["List", `List${several}`],
    ];
  return [
    ["Create", `Create${one}`],
    ["Get", `Get${one}`],
    ["BatchGet", `BatchGet${several}`],
    ["Update", `Update${one}`],
    ["Delete", `Delete${one}`],
    ...(isSoft ? ([["Undelete", `Undelete${one}`] as const, ["Purge", `Purge${one}`] as const] as const) : []),
    ["List", `List${several}`],
    ...(kind.belongsTo?.to === PROFILE ? [["Transfer", `Transfer${one}`] as const] : []),
    ...(sealedOf(kind).length > 0 ? [["Reveal", `Reveal${one}`] as const] : []),
    ...(tokenOf(kind) === undefined ? [] : [["Verify", `Verify${one}`] as const]),
  ];
};
