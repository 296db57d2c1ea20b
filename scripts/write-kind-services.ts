/**
 * Writes the service of each family of kinds as a .proto beside the file of its messages, so that clients are generated of it like
 * of any other.
 *
 * Run: npm run generate
 */
import { execFileSync } from "node:child_process";
import { globSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createFileRegistry, type DescFile, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import type { Kind } from "../src/contract/kinds/kind.ts";
import { readKinds } from "../src/contract/kinds/read.ts";
import { importsOf, servicePath } from "../src/kinds/service/descriptor.ts";
import { serviceOf } from "../src/kinds/service/service.ts";
import { printService } from "./print-kind-service.ts";

const proto = fileURLToPath(new URL("../proto", import.meta.url));
const HEAD = "// Written by scripts/write-kind-services.ts from the messages of the file beside it; never edited.\n";

/** The files of messages, as buf reads them: the generated code may be older. */
const filesOfKinds = (): readonly DescFile[] => {
  const paths = globSync("userd/kinds/**/*.proto", { cwd: proto }).filter((path) => !path.endsWith("_service.proto"));
  const args = ["build", proto, "--as-file-descriptor-set", "-o", "-", ...paths.flatMap((path) => ["--path", `${proto}/${path}`])];
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, execFileSync("buf", args, { maxBuffer: 2 ** 26 })));
  return paths.flatMap((path) => registry.getFile(path) ?? []);
};

const text = (file: DescFile, service: string, kinds: readonly Kind[]): string => {
  const packageName = file.proto.package;
  return `${HEAD}syntax = "proto3";

package ${packageName};

${importsOf(file, kinds)
  .map((one) => `import "${one.proto.name}";\n`)
  .join("")}
option go_package = "${file.proto.options?.goPackage}";
option java_multiple_files = true;
option java_package = "${packageName}";

${printService(packageName, serviceOf(service, kinds))}`;
};

const files = filesOfKinds();
const kinds = readKinds(files, []);
for (const service of new Set(kinds.map((kind) => kind.service))) {
  const family = kinds.filter((kind) => kind.service === service);
  const [{ file } = { file: undefined }] = family;
  if (file === undefined) continue;
  const path = `${proto}/${servicePath(file, service)}`;
  writeFileSync(path, text(file, service, family));
  execFileSync("buf", ["format", "-w", path]);
}
