import { ownReason } from "../../contract/kinds/errors.ts";
import type { Kind } from "../../contract/kinds/kind.ts";
import type { StandardVerb } from "../../contract/kinds/methods.ts";
import type { Reason } from "../../errors.ts";
import { ErrorReason } from "../../gen/userd/v1/errors_pb.ts";

/** What a kind with reasons of its own answers instead of one that all kinds have. */
const ownReasons = (reason: Reason, { name, keys, ancestors, parent }: Kind): readonly string[] => {
  const above = ancestors.map(({ to }) => to.name);
  if (reason === "RESOURCE_NOT_FOUND") return [ownReason(name, "NOT_FOUND")];
  if (reason === "RESOURCE_TAKEN") return keys.map((key) => ownReason(key.name, "TAKEN"));
  if (reason === "RESOURCE_DELETED") return [name, ...above].map((one) => ownReason(one, "DELETED"));
  return [reason, ...(reason === "REFERENCE_NOT_FOUND" && parent.reference ? [ownReason(parent.reference.to.name, "NOT_FOUND")] : [])];
};

/**
 * Returns the error reasons that a standard RPC of a kind declares, in the order of the enum `ErrorReason`. Reasons that all calls or all writes
 * can have are not among them.
 */
export const reasonsOf = (verb: StandardVerb, kind: Kind): readonly Reason[] => {
  const { columns, links, keys, isSoft, hasOwnReasons } = kind;
  const writes = columns.filter(({ isOutputOnly }) => !isOutputOnly);
  const isChange = verb === "Create" || verb === "Append" || verb === "Update";
  const holds: readonly (readonly [Reason, boolean])[] = [
    ["OPTION_VALUE_TOO_LARGE", isChange && writes.some(({ type }) => type === "jsonb")],
    ["OPTION_VALUE_TOO_DEEP", isChange && writes.some(({ type }) => type === "jsonb")],
    ["IMMUTABLE_FIELD", verb === "Update" && writes.some(({ isImmutable }) => isImmutable)],
    ["QUERY_NOT_INDEXED", verb === "List"],
    ["ETAG_MISMATCH", ["Update", "Delete", "Transfer"].includes(verb)],
    ["RESOURCE_NOT_FOUND", !["Create", "Append", "BatchGet", "List"].includes(verb)],
    [
      "RESOURCE_TAKEN",
      (["Create", "Append", "Transfer"].includes(verb) && keys.length > 0) ||
        (verb === "Update" && keys.some((key) => key.columns.some((column) => !column.isImmutable && !column.isOutputOnly))),
    ],
    ["SECRET_UNREADABLE", verb === "Reveal"],
    [
      "RESOURCE_DELETED",
      ["Update", "Delete", "Undelete", "Reveal"].includes(verb) || (verb === "Transfer" && isSoft) || (verb === "Create" && hasOwnReasons),
    ],
    [
      "REFERENCE_NOT_FOUND",
      ["Create", "Append", "List", "Transfer"].includes(verb) ||
        (verb === "Update" && (links.length > 0 || writes.some(({ reference, isImmutable }) => reference !== undefined && !isImmutable))),
    ],
  ];
  const held = holds.filter(([, isHeld]) => isHeld).map(([reason]) => reason);
  const reasons = hasOwnReasons ? (held.flatMap((reason) => ownReasons(reason, kind)) as Reason[]) : held;
  return reasons.toSorted((a, b) => ErrorReason[a] - ErrorReason[b]);
};
