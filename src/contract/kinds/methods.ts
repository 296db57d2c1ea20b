import type { Kind } from "./kind.ts";

/** The verbs of the standard methods. */
export type StandardVerb = "Create" | "Get" | "BatchGet" | "Update" | "Delete" | "Undelete" | "Purge" | "List";

/** A word in snake case as messages are called. */
export const pascalCase = (name: string): string => name.replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** The names of the RPCs of a kind, by which services are bound to it. */
export const standardMethods = ({ message, plural, isSoft }: Kind): readonly (readonly [verb: StandardVerb, name: string])[] => {
  const one = message.name;
  const several = pascalCase(plural);
  return [
    ["Create", `Create${one}`],
    ["Get", `Get${one}`],
    ["BatchGet", `BatchGet${several}`],
    ["Update", `Update${one}`],
    ["Delete", `Delete${one}`],
    ...(isSoft ? ([["Undelete", `Undelete${one}`] as const, ["Purge", `Purge${one}`] as const] as const) : []),
    ["List", `List${several}`],
  ];
};
