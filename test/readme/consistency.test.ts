import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { ConsistencySchema } from "../../src/gen/userd/v1/consistency_pb.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import { needTools, root, runScript } from "../foreign/tools.ts";
import { createUser } from "../support/build.ts";
import { test } from "../support/service.ts";
import { parseBlocks, sectionOf, shown } from "./blocks.ts";

const text = readFileSync(join(root, "docs/consistency.md"), "utf8");

describe("docs/consistency.md", () => {
  test("names every mode", () => {
    const [, table = ""] = text.split(/^\| `consistency` .*$/m);
    for (const { name } of ConsistencySchema.fields) expect(table.split("\n\n")[0]).toContain(`"${name}"`);
  });

  test("has the invariants that code and tests cite, each once", () => {
    const named = Array.from(text.matchAll(/^\| (I\d+) +\|/gm), ([, name]) => name);
    expect(named).toEqual(Array.from({ length: 12 }, (_, index) => `I${index + 1}`));
  });

  test("O39 shows how a read carries the token of a write", async ({ service, clients, skip }) => {
    needTools(skip, "grpcurl");
    const { commands, outputs } = sectionOf(parseBlocks(text), "token");
    const { id } = await createUser(clients["grpc-js"]);
    const fill = (block = "") =>
      block.replaceAll("127.0.0.1:50051", formatAddress(service.grpcAddress)).replaceAll('"user_id": 1,', `"user_id": ${id},`);
    const expected = JSON.parse((outputs[0]?.text ?? "").replace('"userId": "1"', `"userId": "${id}"`));
    const script = `${fill(commands[0]?.text)}test "$token" >&2`;
    expect(shown(JSON.parse(await runScript(script)), expected)).toEqual(expected);
  });
});
