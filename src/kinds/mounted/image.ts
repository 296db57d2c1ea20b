import { create, type DescFile, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import type { KindSet } from "../../schema/kind-set.ts";
import { mountedKinds } from "./applied.ts";

/** Makes the descriptor set from which clients are generated: the mounted kinds, their services, and all files that these import. */
export const imageOf = (kinds: KindSet): Uint8Array => {
  const files = new Set<DescFile>();
  const add = (file: DescFile): void => {
    if ([...files].some(({ proto }) => proto.name === file.proto.name)) return;
    file.dependencies.forEach(add);
    files.add(file);
  };
  const services = new Set(mountedKinds(kinds).map(({ service }) => service));
  for (const { name, file } of kinds.services) if (services.has(name)) add(file);
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [...files].map(({ proto }) => proto) }));
};
