import { clone, create, createFileRegistry, type DescFile, type MessageInitShape, setExtension } from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldDescriptorProtoSchema,
  FieldOptionsSchema,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  MessageOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import { FieldRulesSchema, field as rules } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { KindFaults } from "../../../src/contract/kinds/faults.ts";
import { readKinds } from "../../../src/contract/kinds/read.ts";
import { type FieldBehavior, field_behavior } from "../../../src/gen/google/api/field_behavior_pb.ts";
import { file_userd_kinds_v1_monitor as monitors } from "../../../src/gen/userd/kinds/v1/monitor_pb.ts";
import { file_userd_kinds_v1_release as releases } from "../../../src/gen/userd/kinds/v1/release_pb.ts";
import { KindFieldSchema, KindSchema, kind, field as kindField } from "../../../src/gen/userd/v1/kind_pb.ts";

/** The set of the releases, to be spoiled. */
export type FaultySet = {
  readonly file: FileDescriptorProto;
  readonly message: (name: string) => DescriptorProto;
  readonly field: (message: string, name: string) => FieldDescriptorProto;
  /** Gives a message other options. */
  readonly setKind: (message: string, options: MessageInitShape<typeof KindSchema>) => void;
  readonly setField: (message: string, name: string, options: MessageInitShape<typeof KindFieldSchema>) => void;
  readonly setRules: (message: string, name: string, options: MessageInitShape<typeof FieldRulesSchema>) => void;
  readonly setBehavior: (message: string, name: string, behavior: FieldBehavior[]) => void;
  /** Adds a field, of int64 unless told otherwise. */
  readonly addField: (message: string, field: MessageInitShape<typeof FieldDescriptorProtoSchema>) => void;
};

const there = <T>(found: T | undefined): T => {
  if (found === undefined) throw new Error("The set has no such thing.");
  return found;
};

const spoiling = (file: FileDescriptorProto): FaultySet => {
  const message = (name: string) => there(file.messageType.find((one) => one.name === name));
  const field = (of: string, name: string) => there(message(of).field.find((one) => one.name === name));
  const optionsOf = (of: string, name: string) => {
    const found = field(of, name);
    found.options ??= create(FieldOptionsSchema);
    return found.options;
  };
  return {
    file,
    message,
    field,
    setKind: (name, options) => {
      const found = message(name);
      found.options ??= create(MessageOptionsSchema);
      setExtension(found.options, kind, create(KindSchema, options));
    },
    setField: (of, name, options) => setExtension(optionsOf(of, name), kindField, create(KindFieldSchema, options)),
    setRules: (of, name, options) => setExtension(optionsOf(of, name), rules, create(FieldRulesSchema, options)),
    setBehavior: (of, name, behavior) => setExtension(optionsOf(of, name), field_behavior, behavior),
    addField: (of, added) => {
      const number = 100 + message(of).field.length;
      const type = { label: FieldDescriptorProto_Label.OPTIONAL, type: FieldDescriptorProto_Type.INT64 };
      message(of).field.push(create(FieldDescriptorProtoSchema, { number, ...type, ...added }));
    },
  };
};

const withImports = (file: DescFile): readonly DescFile[] => [file, ...file.dependencies.flatMap(withImports)];

/** The faults of the set of the releases once it is spoiled. */
export const faultsOf = (spoil: (set: FaultySet) => void): readonly string[] => {
  const file = clone(FileDescriptorProtoSchema, releases.proto);
  spoil(spoiling(file));
  const imports = withImports(releases).slice(1);
  const registry = createFileRegistry(file, (name) => imports.find(({ proto }) => proto.name === name)?.proto);
  try {
    readKinds([there(registry.getFile(file.name)), monitors], ["organization", "users"]);
    return [];
  } catch (error) {
    if (!(error instanceof KindFaults)) throw error;
    return error.faults;
  }
};
