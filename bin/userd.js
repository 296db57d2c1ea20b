#!/usr/bin/env node
// Starts the command line on the Node that the package brings, when the one that runs this is too old for it.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import * as module from "node:module";
import { fileURLToPath } from "node:url";

const source = new URL("../src/cli.ts", import.meta.url);
const built = new URL("../dist/cli.js", import.meta.url);
const cli = existsSync(source) ? source : built;

const [major = 0, minor = 0, patch = 0] = process.versions.node.split(".").map(Number);
const isRecent = major > 24 || (major === 24 && (minor > 18 || (minor === 18 && patch >= 1)));

/** The Node of the optional dependency, if it was installed. */
const bundled = () => {
  try {
    const system = process.platform === "win32" ? "win" : process.platform;
    const manifest = module.createRequire(import.meta.url).resolve(`node-${system}-${process.arch}/package.json`);
    return fileURLToPath(new URL(process.platform === "win32" ? "bin/node.exe" : "bin/node", `file://${manifest}`));
  } catch {
    return undefined;
  }
};

if (isRecent) {
  // A third of a short command's time is compiling the same sources again.
  module.enableCompileCache();
  await import(cli.href);
} else {
  const node = bundled();
  // Itself too old, it would start itself for ever.
  if (node === undefined || node === process.execPath) {
    process.stderr.write(`userd needs Node 24.18.1 or newer; this is ${process.versions.node}.\n`);
    process.exit(1);
  }
  const child = spawn(node, [...process.execArgv, fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => process.exit(code ?? (signal === null ? 1 : 128)));
}
