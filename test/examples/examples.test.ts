import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { needTools, root } from "../foreign/tools.ts";
import { expectOutputs } from "../readme/expect-outputs.ts";
import { runSection, sections } from "../readme/sections.ts";
import { test } from "../support/service.ts";
import { RETRY_AFTER_MS, startRefusingProxy } from "./refusing-proxy.ts";

const rustPackages = join(root, "node_modules/.cache/userd-tools/rust");

/** The programs of examples/, as docs/clients.md runs them. */
const programs = sections.filter(({ name }) => ["go", "python", "typescript", "rust"].includes(name));

// The first run on a machine compiles what the program depends on.
test.for(programs)(
  "the program in $name tries again when it is told to, and not sooner",
  { timeout: 600_000 },
  async (section, { service, skip }) => {
    needTools(skip, ...section.tools);
    // Its packages take minutes to compile: run where somebody has done that.
    if (section.name === "rust" && !existsSync(rustPackages)) skip("scripts/install-ci-tools.sh rust was not run");
    await using proxy = await startRefusingProxy(service.grpcAddress);
    const outputs = await runSection(section, { ...service, grpcAddress: proxy.address }, { again: service });
    // The second time its user is there already, and nothing refuses it.
    expect(outputs).toHaveLength(2);
    for (const output of outputs) expectOutputs(section, [output]);
    expect([...proxy.waits.keys()]).toEqual(expect.arrayContaining(["CreateUser", "SetOption", "GetOption"]));
    for (const [rpc, wait] of proxy.waits) expect(wait, rpc).toBeGreaterThanOrEqual(RETRY_AFTER_MS - 1);
  },
);
