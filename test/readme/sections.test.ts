import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { needTools, root } from "../foreign/tools.ts";
import { test } from "../support/service.ts";
import { sectionOf } from "./blocks.ts";
import { expectOutputs } from "./expect-outputs.ts";
import { blocksOf, documents, elsewhere, runSection, sections, writtenBefore } from "./sections.ts";

test.for(documents)("%s has no block that is not tested", (document) => {
  const blocks = blocksOf(document);
  const own = sections.filter((section) => section.document === document).map(({ name }) => name);
  const known = new Set<string>([...own, ...elsewhere]);
  const unknown = blocks.filter(
    ({ language, sections: named }) => language !== "mermaid" && !(named.length > 0 && named.every((name) => known.has(name))),
  );
  expect(unknown).toEqual([]);
  // Each section has something to run, and each fence was understood.
  for (const name of own) expect(sectionOf(blocks, name).commands, name).not.toEqual([]);
  expect(readFileSync(join(root, document), "utf8").match(/^```/gm)).toHaveLength(blocks.length * 2);
});

describe("a document prints what its commands print:", () => {
  test.for(sections.filter(({ slow }) => !slow))("$document $name", { timeout: 600_000 }, async (section, { service, clients, skip }) => {
    needTools(skip, ...section.tools);
    await writtenBefore(section, clients["grpc-js"]);
    expectOutputs(section, await runSection(section, service));
  });
});
