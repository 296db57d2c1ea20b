import { create, type DescFile, toBinary } from "@bufbuild/protobuf";
import {
  type FileDescriptorProto,
  FileDescriptorSetSchema,
  FileOptions_OptimizeMode,
  FileOptionsSchema,
  file_google_protobuf_descriptor,
} from "@bufbuild/protobuf/wkt";
import type { KindSet } from "../../schema/kind-set.ts";
import { mountedKinds } from "./applied.ts";

/** The options that descriptor.proto has in protobuf's own release. Those of our library are without, and no Go or Java is made of it then. */
const descriptorOptions = create(FileOptionsSchema, {
  javaPackage: "com.google.protobuf",
  javaOuterClassname: "DescriptorProtos",
  optimizeFor: FileOptions_OptimizeMode.SPEED,
  goPackage: "google.golang.org/protobuf/types/descriptorpb",
  ccEnableArenas: true,
  objcClassPrefix: "GPB",
  csharpNamespace: "Google.Protobuf.Reflection",
});

const withOptions = ({ proto }: DescFile): FileDescriptorProto =>
  proto.name === file_google_protobuf_descriptor.proto.name ? { ...proto, options: descriptorOptions } : proto;

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
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [...files].map(withOptions) }));
};
