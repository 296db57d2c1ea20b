import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const proto = fileURLToPath(new URL("../../../proto", import.meta.url));
const buf = fileURLToPath(new URL("../../../node_modules/.bin/buf", import.meta.url));
const FILE = "acme/acme/tickets/v1/ticket.proto";

/** A change of the tickets' proto file: what is replaced there, and by what. */
export type Change = readonly [before: string, after: string];

/** Builds the descriptor set of a team's tickets as an operator does, with changes; returns its path. */
export const ticketSet = (changes: readonly Change[] = []): string => {
  const folder = mkdtempSync(join(tmpdir(), "userd-kinds-"));
  cpSync(proto, join(folder, "proto"), { recursive: true });
  cpSync(join(here, "acme"), join(folder, "acme/acme"), { recursive: true });
  let text = readFileSync(join(folder, FILE), "utf8");
  for (const [before, after] of changes) {
    if (!text.includes(before)) throw new Error(`The file has no ${before}`);
    text = text.replace(before, after);
  }
  writeFileSync(join(folder, FILE), text);
  writeFileSync(join(folder, "buf.yaml"), "version: v2\nmodules:\n  - path: proto\n  - path: acme\n");
  const path = join(folder, "tickets.binpb");
  execFileSync(buf, ["build", "acme", "--as-file-descriptor-set", "-o", path], { cwd: folder });
  return path;
};
