import { type Kind, sealedOf, tokenOf } from "../../contract/kinds/kind.ts";
import type { StandardVerb } from "../../contract/kinds/methods.ts";
import { expanded, resource, resources, several, token } from "./fields.ts";
import type { FieldShape } from "./shape.ts";

const changed = (kind: Kind, comment: string): FieldShape[] => [resource(kind, comment), token(2)];

/** The names of the sealed fields, in words. */
const sealedWords = (kind: Kind): string =>
  sealedOf(kind)
    .map(({ name }) => name)
    .join(" and ");

const withToken = (kind: Kind): string => {
  const hashed = tokenOf(kind);
  return hashed === undefined ? "" : `, with its ${hashed.name}; absent with validate_only`;
};

const orNot = ({ isSoft }: Kind): string => (isSoft ? ", deleted or not" : "");

/** The functions that describe the fields of a standard RPC's response message, keyed by verb, such as `Create`. */
export const responses: Readonly<Record<StandardVerb, (kind: Kind) => readonly FieldShape[]>> = {
  Create: (kind) => changed(kind, `The ${kind.label}${withToken(kind)}.`),
  Append: (kind) => [
    { name: "ids", number: 1, type: "int64", isRepeated: true, comment: `The ids of the ${several(kind)}, in the order of the request.` },
    token(2),
  ],
  Get: (kind) => [resource(kind, `The ${kind.label}${orNot(kind)}.`), expanded(kind, 2)],
  BatchGet: (kind) => [resources(kind, `What there is of them, in the order of the ids${orNot(kind)}.`), expanded(kind, 2)],
  Update: (kind) => changed(kind, `The ${kind.label} after the change.`),
  Delete: (kind) => (kind.isSoft ? changed(kind, `The ${kind.label} after the change, with its delete_time and purge_time.`) : [token(1)]),
  Undelete: (kind) => changed(kind, `The ${kind.label} after the change.`),
  Purge: () => [token(1)],
  List: (kind) => [
    resources(kind, `The ${several(kind)}, in the order that was asked for.`),
    { name: "next_page_token", number: 2, type: "string", comment: "Asks for the next page; empty = this is the last one." },
    {
      name: "total_size",
      number: 3,
      type: "int64",
      isOptional: true,
      comment: `How many ${several(kind)} all pages have, exactly up to 10,000; absent unless count asks for it, and on later pages.`,
    },
    {
      name: "total_size_is_estimate",
      number: 4,
      type: "bool",
      comment: "True if total_size is what the database estimates, since there are more than 10,000.",
    },
    expanded(kind, 5),
  ],
  Transfer: (kind) => changed(kind, `The ${kind.label} after the change.`),
  Reveal: (kind) => changed(kind, `The ${kind.label}, with its ${sealedWords(kind)}.`),
  Verify: (kind) => [resource(kind, `The ${kind.label} whose token it is.`)],
};
