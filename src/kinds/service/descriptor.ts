import {
  create,
  createFileRegistry,
  type DescFile,
  type DescService,
  fromJson,
  type MessageInitShape,
  setExtension,
} from "@bufbuild/protobuf";
import {
  type DescriptorProtoSchema,
  type FieldDescriptorProtoSchema,
  FieldOptionsSchema,
  FileDescriptorProtoSchema,
  file_google_protobuf_field_mask,
  FieldDescriptorProto_Label as Label,
  type MethodDescriptorProtoSchema,
  MethodOptions_IdempotencyLevel,
  MethodOptionsSchema,
  OneofOptionsSchema,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";
import {
  FieldRulesSchema,
  field as fieldRules,
  file_buf_validate_validate,
  OneofRulesSchema,
  oneof as oneofRules,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { type Kind, referredBy } from "../../contract/kinds/kind.ts";
import { FieldBehavior, field_behavior, file_google_api_field_behavior } from "../../gen/google/api/field_behavior_pb.ts";
import { file_userd_v1_access_relation } from "../../gen/userd/v1/access_relation_pb.ts";
import { file_userd_v1_consistency } from "../../gen/userd/v1/consistency_pb.ts";
import { ErrorReason } from "../../gen/userd/v1/errors_pb.ts";
import {
  ActingNeed,
  ActingRuleSchema,
  acting,
  batch_write,
  errors,
  file_userd_v1_options,
  permission,
  Reads,
  RpcErrorsSchema,
  reads,
} from "../../gen/userd/v1/options_pb.ts";
import { serviceOf } from "./service.ts";
import type { FieldShape, MessageShape, MethodShape } from "./shape.ts";

const scalars: Readonly<Record<string, Type>> = { string: Type.STRING, int64: Type.INT64, int32: Type.INT32, bool: Type.BOOL };
const enums: ReadonlySet<string> = new Set(["userd.v1.AccessRelation"]);

const typeOf = (packageName: string, type: string) => {
  const scalar = scalars[type];
  if (scalar !== undefined) return { type: scalar };
  return { type: enums.has(type) ? Type.ENUM : Type.MESSAGE, typeName: type.includes(".") ? `.${type}` : `.${packageName}.${type}` };
};

const optionsOf = ({ isRequired, rules }: FieldShape) => {
  const options = create(FieldOptionsSchema);
  if (isRequired) setExtension(options, field_behavior, [FieldBehavior.REQUIRED]);
  if (rules) setExtension(options, fieldRules, fromJson(FieldRulesSchema, rules));
  return options;
};

const camelCase = (name: string): string => name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

type FieldProto = MessageInitShape<typeof FieldDescriptorProtoSchema>;

const fieldOf = (packageName: string, field: FieldShape, oneofIndex?: number): FieldProto => ({
  name: field.name,
  number: field.number,
  label: field.isRepeated ? Label.REPEATED : Label.OPTIONAL,
  ...typeOf(packageName, field.type),
  // Connect drops fields without it in silence.
  jsonName: camelCase(field.name),
  ...(field.isRequired || field.rules ? { options: optionsOf(field) } : {}),
  ...(oneofIndex === undefined ? {} : { oneofIndex }),
  ...(field.isOptional ? { proto3Optional: true } : {}),
});

const requiredOneof = () => {
  const options = create(OneofOptionsSchema);
  setExtension(options, oneofRules, create(OneofRulesSchema, { required: true }));
  return options;
};

const messageOf = (packageName: string, { name, oneOf, fields }: MessageShape): MessageInitShape<typeof DescriptorProtoSchema> => {
  // What is optional is a group of one, behind the real ones.
  const optional = fields.filter(({ isOptional }) => isOptional);
  const first = oneOf === undefined ? 0 : 1;
  return {
    name,
    oneofDecl: [
      ...(oneOf === undefined ? [] : [{ name: oneOf.name, options: requiredOneof() }]),
      ...optional.map((field) => ({ name: `_${field.name}` })),
    ],
    field: [
      ...(oneOf?.fields ?? []).map((field) => fieldOf(packageName, field, 0)),
      ...fields.map((field) => fieldOf(packageName, field, field.isOptional ? first + optional.indexOf(field) : undefined)),
    ],
  };
};

const methodOf = (packageName: string, shape: MethodShape): MessageInitShape<typeof MethodDescriptorProtoSchema> => {
  const options = create(MethodOptionsSchema);
  if (shape.isRead) options.idempotencyLevel = MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  setExtension(options, permission, shape.permission);
  setExtension(options, acting, [create(ActingRuleSchema, { need: ActingNeed[shape.acting] })]);
  if (shape.isRead) setExtension(options, reads, Reads.DATABASE);
  if (shape.isBatch) setExtension(options, batch_write, true);
  if (shape.reasons.length > 0)
    setExtension(options, errors, create(RpcErrorsSchema, { reasons: shape.reasons.map((reason) => ErrorReason[reason]) }));
  const { name } = shape;
  return { name, inputType: `.${packageName}.${name}Request`, outputType: `.${packageName}.${name}Response`, options };
};

/** The files that every service of kinds imports besides those of its kinds and of what these refer to. */
const alwaysImported: readonly DescFile[] = [
  file_buf_validate_validate,
  file_google_api_field_behavior,
  file_google_protobuf_field_mask,
  file_userd_v1_access_relation,
  file_userd_v1_consistency,
  file_userd_v1_options,
];

/** Returns the path of the proto file of a family's service, in the same folder as the proto file of the family's kinds. */
export const servicePath = (file: DescFile, service: string): string =>
  `${file.proto.name.replace(/[^/]*$/, "")}${service.replaceAll(/(?<=[a-z])[A-Z]/g, "_$&").toLowerCase()}.proto`;

/** Returns the files that the service of a family imports, in the order of their paths. */
export const importsOf = (file: DescFile, kinds: readonly Kind[]): readonly DescFile[] => {
  const referred = kinds.flatMap((kind) => referredBy(kind).map(({ to }) => to.message.file));
  const byPath = new Map([...alwaysImported, ...referred, file].map((one) => [one.proto.name, one]));
  return [...byPath.values()].toSorted((a, b) => (a.proto.name < b.proto.name ? -1 : 1));
};

/** Makes the descriptor of the service of a family, as if it had been read from the proto file that `npm run generate` writes. */
export const describeService = (file: DescFile, name: string, kinds: readonly Kind[]): DescService => {
  const { package: packageName } = file.proto;
  const shape = serviceOf(name, kinds);
  const dependencies = new Map(importsOf(file, kinds).map((one) => [one.proto.name, one]));
  const proto = create(FileDescriptorProtoSchema, {
    name: servicePath(file, shape.name),
    package: packageName,
    syntax: "proto3",
    dependency: [...dependencies.keys()],
    messageType: shape.messages.map((message) => messageOf(packageName, message)),
    service: [{ name: shape.name, method: shape.methods.map((method) => methodOf(packageName, method)) }],
  });
  const service = createFileRegistry(proto, (name) => dependencies.get(name)).getService(`${packageName}.${shape.name}`);
  if (service === undefined) throw new Error(`The service ${shape.name} has no descriptor.`);
  return service;
};
