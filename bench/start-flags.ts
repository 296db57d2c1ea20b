import { readFileSync } from "node:fs";

const { scripts } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { scripts: { start: string } };

/**
 * The flags of node in `npm start`: userd is measured as it is run, and what it is held against runs with the same.
 * @throws Error when the script is not `node FLAGS bin/userd.js serve` any more.
 */
export const parseStartFlags = (script: string): readonly string[] => {
  const [node, ...words] = script.split(/\s+/);
  const program = words.indexOf("bin/userd.js");
  const flags = words.slice(0, Math.max(program, 0));
  if (node !== "node" || program < 0 || flags.some((word) => !word.startsWith("-"))) {
    throw new Error(`The bench does not know how "npm start" starts userd: ${script}`);
  }
  return flags;
};

/** Those of this package. */
export const startFlags = parseStartFlags(scripts.start);
