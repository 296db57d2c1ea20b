import type { DescMessage, Message } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import type { FieldMask } from "@bufbuild/protobuf/wkt";
import { invalidField } from "../errors.ts";

/**
 * Returns the property names (`localName`) of the fields that an update changes: the fields in the mask; with an empty mask or none, the
 * fields that are set in the message.
 * @throws INVALID_ARGUMENT FIELD_INVALID on a path that the message does not have.
 */
export const maskedFields = (schema: DescMessage, message: Message, mask: FieldMask | undefined): Set<string> => {
  if (mask === undefined || mask.paths.length === 0) {
    const view = reflect(schema, message);
    return new Set(schema.fields.filter((field) => view.isSet(field)).map((field) => field.localName));
  }
  return namedFields(schema, mask, "update_mask");
};

/**
 * Returns the property names (`localName`) of the fields that the paths of a mask name. The path "*" names all fields; a path into the
 * message of a field names that field.
 * @param of the name of the request's mask field, for the error's message.
 * @throws INVALID_ARGUMENT FIELD_INVALID on a path that the message does not have.
 */
export const namedFields = (schema: DescMessage, { paths }: FieldMask, of: "update_mask" | "read_mask"): Set<string> => {
  const names = new Set<string>();
  for (const [index, path] of paths.entries()) {
    if (path === "*") {
      for (const field of schema.fields) names.add(field.localName);
      continue;
    }
    const [first, ...rest] = path.split(".");
    const field = schema.fields.find(({ name }) => name === first);
    const nested = rest.length === 0 || (field?.fieldKind === "message" && isPath(field.message, rest));
    if (!field || !nested) throw invalidField(of, `names what is no field of ${schema.typeName}, in path ${index}`);
    names.add(field.localName);
  }
  return names;
};

const isPath = (schema: DescMessage, [first, ...rest]: readonly string[]): boolean => {
  const field = schema.fields.find(({ name }) => name === first);
  return field !== undefined && (rest.length === 0 || (field.fieldKind === "message" && isPath(field.message, rest)));
};
