import { readFileSync } from "node:fs";

// Our own file, read by every command: not worth loading a library that checks it.
const manifest: { readonly version: string } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

/** The version of userd, from package.json. */
export const { version } = manifest;
