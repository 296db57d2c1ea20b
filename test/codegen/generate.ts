import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { root, runOk } from "../foreign/tools.ts";

/** One option of each kind. */
export const definitionsFile = fileURLToPath(new URL("definitions.yaml", import.meta.url));

/** Runs `userd options codegen`, with the definitions of a file or of a running service. */
export const generate = (lang: "ts" | "go" | "python", out: string, from: readonly string[]): Promise<string> =>
  runOk(process.execPath, [join(root, "bin/userd.js"), "options", "codegen", "--lang", lang, "--out", out, ...from]);

/** Lets what is generated find the packages that it imports. */
export const linkPackages = (folder: string): Promise<void> => symlink(join(root, "node_modules"), join(folder, "node_modules"));
