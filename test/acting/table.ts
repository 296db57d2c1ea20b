import { readFileSync } from "node:fs";

/** A need of an RPC, as the printed table says it. */
export type PrintedNeed = {
  readonly need: string;
  /** The path of the field in the request; empty = the need is about the call. */
  readonly field: string;
  readonly isOptional: boolean;
  readonly orSelf: string;
};

/** A row of the printed table. */
export type PrintedRpc = {
  /** For example `UserService/GetUser`. */
  readonly rpc: string;
  readonly permission: string;
  readonly needs: readonly PrintedNeed[];
  readonly isForSelf: boolean;
};

const needOf = (text: string): PrintedNeed => {
  const match = /^(\w+)(?: of `([\w.]+)`(, if set)?)?(?:, or self by `([\w.]+)`)?$/.exec(text);
  if (match === null) throw new Error(`the table says "${text}"`);
  const [, need = "", field = "", optional, orSelf = ""] = match;
  return { need, field, isOptional: optional !== undefined, orSelf };
};

/** Reads the table of docs/access.md. */
export const readTable = (): readonly PrintedRpc[] => {
  const text = readFileSync(new URL("../../docs/access.md", import.meta.url), "utf8");
  return text.split("\n").flatMap((line) => {
    const [, rpc, permission, needs, self] = line.split("|").map((cell) => cell.trim());
    if (rpc === undefined || !/^`\w+Service\/\w+`$/.test(rpc)) return [];
    return [
      {
        rpc: rpc.replaceAll("`", ""),
        permission: (permission ?? "").replaceAll("`", ""),
        needs: (needs ?? "").split("; ").map(needOf),
        isForSelf: self === "yes",
      },
    ];
  });
};
