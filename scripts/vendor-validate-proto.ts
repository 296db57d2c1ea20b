/**
 * Prints proto/buf/validate/validate.proto from the descriptor that @bufbuild/protovalidate carries.
 *
 * The file is published on a registry only, not in a package; printing it from the version that validates at run time
 * keeps the two from drifting. Options of single fields (the CEL of the standard rules) are left out: they describe how
 * a validator is built, not how a rule is written.
 *
 * Run: node scripts/vendor-validate-proto.ts > proto/buf/validate/validate.proto
 */

import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";
import { file_buf_validate_validate as file } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";

const indent = (lines: string[]): string[] => lines.map((line) => (line === "" ? "" : `  ${line}`));

const label = (field: FieldDescriptorProto, inOneof: boolean): string => {
  if (inOneof) return "";
  return { [Label.OPTIONAL]: "optional ", [Label.REQUIRED]: "required ", [Label.REPEATED]: "repeated " }[field.label];
};

const typeName = (field: FieldDescriptorProto): string =>
  field.typeName === "" ? Type[field.type].toLowerCase() : field.typeName.replace(/^\.buf\.validate\./, "").replace(/^\./, "");

const printField = (field: FieldDescriptorProto, inOneof = false): string =>
  `${label(field, inOneof)}${typeName(field)} ${field.name} = ${field.number};`;

const printEnum = (desc: EnumDescriptorProto): string[] => [
  `enum ${desc.name} {`,
  ...indent(desc.value.map((value) => `${value.name} = ${value.number};`)),
  "}",
];

const range = (start: number, end: number): string => {
  const last = end > 536_870_911 ? "max" : String(end - 1);
  return String(start) === last ? last : `${start} to ${last}`;
};

const printMessage = (desc: DescriptorProto): string[] => {
  const mapEntries = new Map(desc.nestedType.filter((type) => type.options?.mapEntry).map((type) => [type.name, type.field] as const));
  const body: string[] = [];
  for (const item of desc.reservedRange) body.push(`reserved ${range(item.start, item.end)};`);
  if (desc.reservedName.length > 0) body.push(`reserved ${desc.reservedName.map((name) => `"${name}"`).join(", ")};`);
  for (const item of desc.extensionRange) body.push(`extensions ${range(item.start, item.end)};`);
  for (const type of desc.enumType) body.push(...printEnum(type));
  for (const type of desc.nestedType) if (!mapEntries.has(type.name)) body.push(...printMessage(type));
  for (const [index, oneof] of desc.oneofDecl.entries()) {
    const members = desc.field.filter((field) => Object.hasOwn(field, "oneofIndex") && field.oneofIndex === index);
    body.push(`oneof ${oneof.name} {`, ...indent(members.map((field) => printField(field, true))), "}");
  }
  for (const field of desc.field) {
    const entry = mapEntries.get(field.typeName.split(".").at(-1) ?? "");
    if (entry?.[0] && entry[1]) body.push(`map<${typeName(entry[0])}, ${typeName(entry[1])}> ${field.name} = ${field.number};`);
    else if (!Object.hasOwn(field, "oneofIndex")) body.push(printField(field));
  }
  return [`message ${desc.name} {`, ...indent(body), "}", ""];
};

const { proto } = file;
const lines = [
  "// Printed by scripts/vendor-validate-proto.ts from the descriptor in @bufbuild/protovalidate. Do not edit.",
  "",
  'syntax = "proto2";',
  "",
  `package ${proto.package};`,
  "",
  ...proto.dependency.map((path) => `import "${path}";`),
  "",
  `option go_package = "${proto.options?.goPackage}";`,
  `option java_multiple_files = ${proto.options?.javaMultipleFiles};`,
  `option java_outer_classname = "${proto.options?.javaOuterClassname}";`,
  `option java_package = "${proto.options?.javaPackage}";`,
  "",
  ...proto.extension.flatMap((field) => [`extend ${field.extendee.replace(/^\./, "")} {`, ...indent([printField(field)]), "}", ""]),
  ...proto.enumType.flatMap((desc) => [...printEnum(desc), ""]),
  ...proto.messageType.flatMap(printMessage),
];
process.stdout.write(`${lines.join("\n").trimEnd()}\n`);
