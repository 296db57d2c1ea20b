import type { DescField } from "@bufbuild/protobuf";
import type { FieldMask } from "@bufbuild/protobuf/wkt";
import { LRUCache } from "lru-cache";
import type { Kind } from "../contract/kinds/kind.ts";
import { namedFields } from "../db/mask.ts";
import { oncePerKind } from "./once-per-kind.ts";

/** The masked kinds of the latest masks, since what is made once per kind is made for each of them. */
const latest = oncePerKind(() => new LRUCache<string, Kind>({ max: 50, maxSize: 16 * 1024, sizeCalculation: (_, paths) => paths.length }));

/**
 * Returns a copy of a kind with only the id and the fields that a `read_mask` names, or the kind itself if the mask is absent or empty.
 * @throws INVALID_ARGUMENT FIELD_INVALID on a path that the message does not have.
 */
export const maskedKind = (kind: Kind, mask: FieldMask | undefined): Kind => {
  if (mask === undefined || mask.paths.length === 0) return kind;
  const paths = JSON.stringify(mask.paths);
  const known = latest(kind).get(paths);
  if (known !== undefined) return known;
  const names = namedFields(kind.message, mask, "read_mask").add("id");
  const isNamed = ({ field }: { readonly field: DescField }): boolean => names.has(field.localName);
  const masked = { ...kind, columns: kind.columns.filter(isNamed), links: kind.links.filter(isNamed) };
  latest(kind).set(paths, masked);
  return masked;
};
