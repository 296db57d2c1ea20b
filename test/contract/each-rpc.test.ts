import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { methods } from "./methods.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), "utf8");

/** True for an RPC of a kind: test/kinds/standard.cases.ts calls it from its descriptor, and the change log names its service. */
const isOfKind = ({ parent }: (typeof methods)[number]): boolean => parent.typeName.startsWith("userd.kinds.");

test("every service of the proto is served", () => {
  const declared = globSync("proto/userd/**/*.proto", { cwd: root }).flatMap((path) =>
    Array.from(read(path).matchAll(/^service (\w+)/gm), ([, name]) => name),
  );
  const served = new Set(methods.map(({ parent }) => parent.name));
  expect(declared.length).toBeGreaterThan(4);
  expect(
    declared.filter((name = "") => !served.has(name)),
    "add a line for the service to src/services/routes.ts; for one of userd.kinds, to src/contract/kinds/families.ts",
  ).toEqual([]);
});

test("every RPC is called by a test of its own", () => {
  // Those of the contract and the fuzzer call all RPCs, whatever these do.
  const tests = globSync("test/**/*.ts", { cwd: root }).filter((path) => !/^test\/(contract|fuzz)\//.test(path));
  const called = new Set(tests.flatMap((path) => Array.from(read(path).matchAll(/\.(\w+)\(/g), ([, name]) => name)));
  expect(
    methods.filter((method) => !isOfKind(method) && !called.has(method.localName)).map(({ name }) => name),
    "write a test of what the RPC answers and refuses, in test/FEATURE/, through a generated client",
  ).toEqual([]);
});

test("every RPC that the last release had not is in CHANGELOG.md", () => {
  const { file } = fromBinary(FileDescriptorSetSchema, readFileSync(join(root, "proto/baseline.binpb")));
  const released = new Set(
    file.flatMap((proto) => proto.service.flatMap(({ name, method }) => method.map((one) => `${proto.package}.${name}.${one.name}`))),
  );
  const words = new Set(read("CHANGELOG.md").match(/\w+/g));
  const added = methods.filter(({ parent, name }) => !released.has(`${parent.typeName}.${name}`));
  expect(
    added.map((method) => (isOfKind(method) ? method.parent.name : method.name)).filter((name) => !words.has(name)),
    "name the RPC in CHANGELOG.md",
  ).toEqual([]);
});
