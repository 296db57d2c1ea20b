import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { type Any, anyUnpack } from "@bufbuild/protobuf/wkt";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../gen/google/rpc/status_pb.ts";
import { holds } from "./holds.ts";

/**
 * A function that calls `note` with the reason of each `google.rpc.Status` in `message`, which is a message or a plain object with the fields
 * of a message.
 */
export type ReasonsWalk = (message: object, note: (reason: string) => void) => void;

const statuses: ReadonlySet<string> = new Set([StatusSchema.typeName]);

const walkStatus: ReasonsWalk = (status, note) => {
  for (const detail of (status as { readonly details?: readonly Any[] }).details ?? []) {
    const info = anyUnpack(detail, ErrorInfoSchema);
    if (info !== undefined) note(info.reason);
  }
};

/** The values that a field of a message holds, as a list. */
const valuesOf = ({ fieldKind, localName, oneof }: DescField, message: object): readonly object[] => {
  const given = (message as Record<string, object | undefined>)[oneof?.localName ?? localName];
  if (given === undefined) return [];
  if (fieldKind === "list") return given as readonly object[];
  if (fieldKind === "map") return Object.values(given);
  if (oneof === undefined) return [given];
  const choice = given as { readonly case?: string; readonly value: object };
  return choice.case === localName ? [choice.value] : [];
};

/**
 * Makes the `ReasonsWalk` for messages of one type; undefined = no message of the type can hold a `google.rpc.Status`.
 * @throws RangeError for a type that contains itself and a `google.rpc.Status`; the API has no such type.
 */
export const entryReasonsWalk = (output: DescMessage): ReasonsWalk | undefined => {
  if (output.typeName === StatusSchema.typeName) return walkStatus;
  const fields = output.fields.flatMap((field) =>
    field.message !== undefined && holds(statuses, field.message) ? { field, walk: entryReasonsWalk(field.message) } : [],
  );
  if (fields.length === 0) return undefined;
  return (message, note) => {
    for (const { field, walk } of fields) for (const value of valuesOf(field, message)) walk?.(value, note);
  };
};
