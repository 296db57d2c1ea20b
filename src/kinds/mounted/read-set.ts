import { readFileSync } from "node:fs";
import { createFileRegistry, type DescFile, fromBinary, hasOption } from "@bufbuild/protobuf";
import * as wellKnown from "@bufbuild/protobuf/wkt";
import { families } from "../../contract/kinds/families.ts";
import { ChangeService } from "../../gen/userd/v1/change_service_pb.ts";
import { family, file_userd_v1_kind } from "../../gen/userd/v1/kind_pb.ts";
import { OrganizationService } from "../../gen/userd/v1/organization_service_pb.ts";
import { ProfileService } from "../../gen/userd/v1/profile_service_pb.ts";
import { UserOptionService } from "../../gen/userd/v1/user_option_service_pb.ts";
import { UserService } from "../../gen/userd/v1/user_service_pb.ts";

/** The gRPC services of userd itself, without those of mounted kinds. */
export const ownServices = [UserService, UserOptionService, OrganizationService, ProfileService, ChangeService, ...families];

/** The files that userd brings, by path: options and well-known types have to be those that its code knows. */
const ours = new Map<string, DescFile>();
const addOurs = (file: DescFile): void => {
  if (ours.has(file.proto.name)) return;
  ours.set(file.proto.name, file);
  file.dependencies.forEach(addOurs);
};
for (const { file } of ownServices) addOurs(file);
addOurs(file_userd_v1_kind);
for (const [name, value] of Object.entries(wellKnown)) if (name.startsWith("file_")) addOurs(value as DescFile);

/** The files of a descriptor set that are not userd's, imports first, and its faults. */
type ReadSet = { readonly files: readonly DescFile[]; readonly faults: readonly string[] };

const protosOf = (bytes: Uint8Array): readonly wellKnown.FileDescriptorProto[] => {
  try {
    const { file } = fromBinary(wellKnown.FileDescriptorSetSchema, bytes);
    return file.every(({ name }) => name !== "") ? file : [];
  } catch {
    return [];
  }
};

/**
 * Parses the proto files of a descriptor set, and finds their faults. Files that userd has itself are left out: imports of them get userd's
 * version.
 */
export const readSet = (bytes: Uint8Array): ReadSet => {
  const protos = protosOf(bytes);
  if (protos.length === 0) return { files: [], faults: ["is no descriptor set: make one with `buf build -o x.binpb`"] };
  const faults: string[] = [];
  const made = new Map<string, DescFile>();
  for (const proto of protos.filter(({ name }) => !ours.has(name))) {
    const missing = proto.dependency.filter((name) => !ours.has(name) && !made.has(name));
    if (/^userd(?:\.|$)/.test(proto.package)) faults.push(`${proto.name} is of the package ${proto.package}, which only userd has`);
    else if (proto.package === "") faults.push(`${proto.name} has no package`);
    else if (missing.length > 0) faults.push(`${proto.name} imports ${missing.join(" and ")}, which the set does not have before it`);
    else {
      try {
        const file = createFileRegistry(proto, (name) => ours.get(name) ?? made.get(name)).getFile(proto.name);
        if (file !== undefined) made.set(proto.name, file);
      } catch (error) {
        faults.push(`${proto.name} can't be read: ${(error as Error).message}`);
      }
    }
  }
  const files = [...made.values()];
  if (faults.length === 0 && !files.some((file) => hasOption(file, family)))
    faults.push("has no family: no file of it has the option (userd.v1.family)");
  return { files, faults };
};

/** Reads the descriptor set at a path as `readSet` does; a file that can't be read is a fault too. */
export const readSetFile = (path: string): ReadSet => {
  try {
    return readSet(readFileSync(path));
  } catch (error) {
    return { files: [], faults: [`can't be read (${(error as NodeJS.ErrnoException).code})`] };
  }
};
