import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { type OptionDefinition, OptionDefinitionSchema } from "../gen/userd/v1/option_definition_pb.ts";
import { UserOptionService } from "../gen/userd/v1/user_option_service_pb.ts";
import { type Accessor, accessorOf, type GeneratedFile } from "../options/codegen/accessor.ts";
import { go } from "../options/codegen/go.ts";
import { python } from "../options/codegen/python.ts";
import { typescript } from "../options/codegen/typescript.ts";
import { toOptionDefinition } from "../options/registry/definition.mapping.ts";
import { loadDefinitions } from "../options/registry/load.ts";
import { print } from "../print.ts";
import { connect } from "./client.ts";
import type { ClientOptions } from "./client-options.ts";
import { CommandError, ExitCode } from "./exit.ts";
import { pagesOf } from "./pages.ts";

type Codegen = ClientOptions & {
  readonly lang: "ts" | "go" | "python";
  readonly out: string;
  readonly definitions?: string;
  readonly goImport: string;
};

const languages: Record<Codegen["lang"], (accessors: readonly Accessor[], options: Codegen) => GeneratedFile> = {
  ts: typescript,
  go: (accessors, { goImport }) => go(accessors, goImport),
  python,
};

/** Reads the definitions of a file, or of the running service. */
const readDefinitions = async (options: Codegen): Promise<readonly OptionDefinition[]> => {
  if (options.definitions === undefined) {
    const service = connect(UserOptionService, options);
    const all: OptionDefinition[] = [];
    for await (const page of pagesOf((pageToken) => service.listOptionDefinitions({ pageToken }))) all.push(...page.definitions);
    return all;
  }
  return [...loadDefinitions(options.definitions).values()].map((definition) =>
    create(OptionDefinitionSchema, toOptionDefinition(definition)),
  );
};

const generate = (options: Codegen, definitions: readonly OptionDefinition[]): GeneratedFile => {
  try {
    return languages[options.lang](definitions.map(accessorOf), options);
  } catch (error) {
    throw new CommandError((error as Error).message, ExitCode.USAGE);
  }
};

/** Writes a file of typed accessors of options in TypeScript, Go or Python, so that a compiler knows the keys and the values' types. */
export const run = async (options: Codegen): Promise<void> => {
  const definitions = await readDefinitions(options);
  const { name, text } = generate(options, definitions);
  await mkdir(options.out, { recursive: true });
  const path = join(options.out, name);
  await writeFile(path, text);
  print(`${path}: ${definitions.length} options\n`);
};
