import type { DescField } from "@bufbuild/protobuf";
import type { FieldMask } from "@bufbuild/protobuf/wkt";
import type { Kind } from "../contract/kinds/kind.ts";
import { namedFields } from "../db/mask.ts";

/**
 * Returns a kind with only its id and the fields that a `read_mask` names; the kind itself without a mask, or with an empty one.
 * @throws INVALID_ARGUMENT FIELD_INVALID on a path that the message does not have.
 */
export const maskedKind = (kind: Kind, mask: FieldMask | undefined): Kind => {
  if (mask === undefined || mask.paths.length === 0) return kind;
  const names = namedFields(kind.message, mask, "read_mask").add("id");
  const isNamed = ({ field }: { readonly field: DescField }): boolean => names.has(field.localName);
  return { ...kind, columns: kind.columns.filter(isNamed), links: kind.links.filter(isNamed) };
};
