import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { FieldShape, MessageShape, MethodShape, ServiceShape } from "../src/kinds/service/shape.ts";

/** The text as a comment, whose lines have 120 characters at most. */
const comment = (text: string, indent: string): string => {
  const lines: string[] = [];
  // A line neither ends nor begins with an equals sign.
  for (const word of text.split(/(?<! =) (?!= )/)) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > 120) lines.push(`${indent}// ${word}`);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.join("\n");
};

/** A value of an option, as protobuf's text format has it. */
const value = (name: string, json: JsonValue): string => {
  // The one enum among the rules.
  if (name === "ignore") return String(json);
  if (typeof json === "string") return `"${json.replaceAll("\0", "\\000")}"`;
  if (typeof json !== "object" || json === null) return String(json);
  return `{${Object.entries(json as JsonObject)
    .map(([key, one]) => `${key}: ${value(key, one)}`)
    .join(", ")}}`;
};

/** A rule as an option; the one member of a rule stands in the name. */
const rule = ([name, json]: readonly [string, JsonValue]): string => {
  const members = typeof json === "object" && json !== null ? Object.entries(json as JsonObject) : [];
  const [[member, only] = ["", null], other] = members;
  return members.length > 0 && other === undefined
    ? `(buf.validate.field).${name}.${member} = ${value(member, only)}`
    : `(buf.validate.field).${name} = ${value(name, json)}`;
};

const field =
  (packageName: string, indent = "  ") =>
  ({ name, number, type, comment: text, isRepeated, isOptional, isRequired, rules = {} }: FieldShape): string => {
    const options = [...(isRequired ? ["(google.api.field_behavior) = REQUIRED"] : []), ...Object.entries(rules).map(rule)];
    const label = isRepeated ? "repeated " : isOptional ? "optional " : "";
    const typeName = type.startsWith(`${packageName}.`) ? type.slice(packageName.length + 1) : type;
    return `${comment(text, indent)}
${indent}${label}${typeName} ${name} = ${number}${options.length > 0 ? ` [${options.join(", ")}]` : ""};`;
  };

const message = (packageName: string, { name, comment: text, oneOf, fields }: MessageShape): string => `${comment(text, "")}
message ${name} {${
  oneOf === undefined
    ? ""
    : `
${comment(oneOf.comment, "  ")}
  oneof ${oneOf.name} {
    option (buf.validate.oneof).required = true;
${oneOf.fields.map(field(packageName, "    ")).join("\n")}
  }
`
}
${fields.map(field(packageName)).join("\n")}
}
`;

const method = ({ name, comment: text, permission, acting, isRead, isBatch, reasons }: MethodShape): string => {
  const options = [
    ...(isRead ? ["idempotency_level = NO_SIDE_EFFECTS"] : []),
    `(userd.v1.permission) = "${permission}"`,
    `(userd.v1.acting) = {need: ACTING_NEED_${acting}}`,
    ...(isRead ? ["(userd.v1.reads) = READS_DATABASE"] : []),
    ...(isBatch ? ["(userd.v1.batch_write) = true"] : []),
    ...(reasons.length > 0 ? [`(userd.v1.errors) = {reasons: [${reasons.join(", ")}]}`] : []),
  ];
  return `${comment(text, "  ")}
  rpc ${name}(${name}Request) returns (${name}Response) {
${options.map((option) => `    option ${option};`).join("\n")}
  }
`;
};

/** Prints the service of a family and its messages as the text of a .proto, without its head. */
export const printService = (packageName: string, { name, comment: text, methods, messages }: ServiceShape): string =>
  `${comment(text, "")}
service ${name} {
${methods.map(method).join("\n")}}

${messages.map((one) => message(packageName, one)).join("\n")}`;
