import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { MethodOptions_IdempotencyLevel as Idempotency } from "@bufbuild/protobuf/wkt";
import { describe, expect } from "vitest";
import { ConsistencySchema } from "../../src/gen/userd/v1/consistency_pb.ts";
import { formatAddress } from "../../src/server/sockets.ts";
import type { AllDependencies } from "../../src/services/dependencies.ts";
import { createRoutes } from "../../src/services/routes.ts";
import { needTools, root, runScript } from "../foreign/tools.ts";
import { createUser } from "../support/build.ts";
import { test } from "../support/service.ts";
import { parseBlocks, sectionOf, shown } from "./blocks.ts";

const text = readFileSync(join(root, "docs/consistency.md"), "utf8");

/** The names that the row of the table of reads lists. */
const readsFrom = (origin: string): string[] => {
  const [, list = ""] = new RegExp(`^\\| ${origin} +\\| (.*?) +\\|$`, "m").exec(text) ?? [];
  return Array.from(list.matchAll(/`(\w+)`/g), ([, name]) => name ?? "");
};

/** Whether the operation of an RPC reads through the cache: what asks the database only checks the token. */
const isCached = (rpc: string): boolean => {
  const file = rpc.replaceAll(/(?<!^)([A-Z]|\d)/g, "-$1").toLowerCase();
  const [path] = globSync(`src/*/${file}.ts`, { cwd: root });
  if (path === undefined) throw new Error(`no operation of ${rpc}`);
  return /\bfreshness\.reading\(/.test(readFileSync(join(root, path), "utf8"));
};

describe("docs/consistency.md", () => {
  test("says of every read where its answers come from", () => {
    const methods = createRoutes({} as AllDependencies).flatMap(({ service }) => service.methods);
    const reads = methods.filter(({ idempotency }) => idempotency === Idempotency.NO_SIDE_EFFECTS).map(({ name }) => name);
    const [cached, asked, other] = [readsFrom("the cache"), readsFrom("the database"), readsFrom("the registry in memory")];
    expect([...cached, ...asked, ...other].toSorted()).toEqual(reads.toSorted());
    expect(reads.filter(isCached).toSorted()).toEqual(cached.toSorted());
    // What asks neither has nothing to be fresh about.
    const fresh = methods.filter(({ input }) => input.fields.some(({ message }) => message === ConsistencySchema)).map(({ name }) => name);
    expect(fresh.filter((name) => other.includes(name))).toEqual([]);
  });

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
