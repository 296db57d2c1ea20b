import type { DescMessage } from "@bufbuild/protobuf";

/** Tells whether a message type is one of `types`, or has a field of one of them at any depth. */
export const holds = (types: { has(typeName: string): boolean }, desc: DescMessage, seen = new Set<DescMessage>()): boolean => {
  if (types.has(desc.typeName)) return true;
  if (seen.has(desc)) return false;
  seen.add(desc);
  return desc.fields.some(({ message }) => message !== undefined && holds(types, message, seen));
};
