import { globSync } from "node:fs";
import { type DescFile, type DescService, getOption, hasOption } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { type Config, ConfigError } from "../../config.ts";
import { families, familyFiles } from "../../contract/kinds/families.ts";
import { KindFaults } from "../../contract/kinds/faults.ts";
import { isMounted, type Kind, permissionsOf, type UnplacedKind } from "../../contract/kinds/kind.ts";
import { readKinds } from "../../contract/kinds/read.ts";
import { family, kind as kindOption } from "../../gen/userd/v1/kind_pb.ts";
import { handwritten } from "../../schema/entities.ts";
import { builtin, createKindSet, type KindSet } from "../../schema/kind-set.ts";
import { describeService, servicePath } from "../service/descriptor.ts";
import { messageNames } from "../service/service.ts";
import { ownServices, readSetFile } from "./read-set.ts";

/** The name of the table, in the schema `MOUNTED_SCHEMA`, in which `userd kinds apply` records what it has applied. */
export const APPLIED = "applied_set";

/** The kinds that the setting KINDS names, and for each proto file of mounted kinds the path of its descriptor set. */
export type LoadedKinds = { readonly kinds: KindSet; readonly paths: ReadonlyMap<DescFile, string> };

/** Reads the built-in kinds, and then the kinds that files of descriptor sets declare, which can refer to the built-in ones. */
export const readMounted = (files: readonly DescFile[]): readonly Kind[] =>
  readKinds([...familyFiles, ...files], [APPLIED, ...handwritten.map(({ meta }) => meta.tableName)]);

/** The services of families, with a fault for each that has another one's name or file. */
const checkServices = (files: readonly DescFile[], note: (file: DescFile, fault: string) => void): void => {
  const taken = new Set<string>(ownServices.map(({ name }) => name));
  const paths = new Set(files.map(({ proto }) => proto.name));
  for (const file of files.filter((one) => hasOption(one, family))) {
    const { service } = getOption(file, family);
    if (taken.has(service)) note(file, `has the service ${service}, whose name is taken`);
    taken.add(service);
    const path = servicePath(file, service);
    if (paths.has(path)) note(file, `has the service ${service}, whose file ${path} is in a set already: userd makes it`);
    paths.add(path);
  }
};

/** The permissions of all kinds, those with other faults too: all faults are told at once. */
const checkPermissions = (files: readonly DescFile[], note: (file: DescFile, fault: string) => void): void => {
  for (const file of files) {
    for (const message of file.messages.filter((one) => hasOption(one, kindOption))) {
      for (const name of new Set(permissionsOf(getOption(message, kindOption))))
        if (!/^[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+$/.test(name))
          note(file, `${message.name} has the permission "${name}", whose name is not like tickets.read`);
    }
  }
};

/** The names of the messages of services of families, with a fault for each that a file has for something else. */
const checkMessages = (kinds: readonly UnplacedKind[], files: readonly DescFile[], note: (file: DescFile, fault: string) => void): void => {
  const taken = new Set(files.flatMap((file) => [...nestedTypes(file)].map(({ typeName }) => typeName)));
  for (const kind of kinds.filter(isMounted)) {
    for (const name of messageNames(kind)) {
      const typeName = `${kind.file.proto.package}.${name}`;
      if (taken.has(typeName)) note(kind.file, `${typeName} is a message of its service: userd makes it`);
    }
  }
};

/** Makes the services of the families of mounted kinds. */
const describe = (kinds: readonly Kind[]): readonly DescService[] =>
  [...Map.groupBy(kinds.filter(isMounted), ({ file }) => file)].map(([file, some]) =>
    describeService(file, getOption(file, family).service, some),
  );

/**
 * Reads the kinds that the setting KINDS names. The built-in kinds are always read, since their tables exist even when KINDS leaves them out.
 * @throws ConfigError with all faults of the descriptor sets, each with the path of its set.
 */
export const loadKinds = ({ kinds: { isBuiltin, paths }, readPolicy }: Pick<Config, "kinds" | "readPolicy">): LoadedKinds => {
  const own = isBuiltin ? families : [];
  const isAccountWide = readPolicy === "account_wide";
  const makeSet = (kinds: readonly Kind[], services: readonly DescService[], mounted?: readonly DescFile[]) =>
    createKindSet(isAccountWide ? kinds.map((kind) => ({ ...kind, isAccountWide })) : kinds, services, mounted);
  if (paths.length === 0) return { kinds: isBuiltin && !isAccountWide ? builtin : makeSet(builtin.kinds, own), paths: new Map() };
  const faults: string[] = [];
  const from = new Map<DescFile, string>();
  for (const path of paths) {
    const found = /[*?[{]/.test(path) ? globSync(path).toSorted() : [path];
    if (found.length === 0) faults.push(`${path} names no file`);
    for (const one of found) {
      const set = readSetFile(one);
      faults.push(...set.faults.map((fault) => `${one} ${fault}`));
      for (const file of set.files) from.set(file, one);
    }
  }
  const files = [...from.keys()];
  const note = (file: DescFile, fault: string) => faults.push(`${from.get(file)}: ${file.proto.name}: ${fault}`);
  checkServices(files, note);
  checkPermissions(files, note);
  const pathOf = (fault: string) => from.get(files.find(({ proto }) => fault.startsWith(`${proto.name}: `)) as DescFile);
  try {
    const all = readMounted(files);
    checkMessages(all, files, note);
    if (faults.length === 0) return { kinds: makeSet(all, [...own, ...describe(all)], files), paths: from };
  } catch (error) {
    if (!(error instanceof KindFaults)) throw error;
    faults.push(...error.faults.map((fault) => `${pathOf(fault)}: ${fault}`));
    checkMessages(error.kinds, files, note);
  }
  throw new ConfigError(faults.map((fault) => `KINDS ${fault}`).join("\n"));
};
