import { existsSync } from "node:fs";
import { join } from "node:path";
import { root, run, runOk } from "../test/foreign/tools.ts";

const client = join(root, "clients/go");

/** Whether there is Go on this machine. */
const hasGo = (await run("go", ["version"]).catch(() => ({ code: 1 }))).code === 0;

/** Returns why rows in Go can't be measured; undefined = they can. */
export const withoutGo = (): string | undefined => (hasGo ? undefined : "there is no go");

/** Builds a program in Go, with the messages of the client if they are not there, and returns where it is. */
export const buildGo = async (module: string, name: string, folder: string): Promise<string> => {
  const program = join(folder, "program");
  if (!existsSync(join(client, "gen/userd"))) {
    const template = join(client, "buf.gen.yaml");
    await runOk("buf", ["generate", "proto", "--path", "proto/userd", "--template", template, "--output", client]);
  }
  await runOk("go", ["build", "-mod=readonly", "-o", program, name], { cwd: module });
  return program;
};
