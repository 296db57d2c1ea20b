import { type Column, type ColumnList, type Kind, referredBy } from "../../contract/kinds/kind.ts";
import { pascalCase, withArticle } from "../../contract/kinds/methods.ts";
import type { FieldShape, MessageShape } from "./shape.ts";

/** Returns the plural of a kind's name, with blanks between its words. */
export const several = ({ plural }: Kind): string => plural.replaceAll("_", " ");

/** Returns in words by what List selects the resources of a kind: their parent, or an organization that shares them. */
export const parentWords = ({ listedBy }: Kind): string => listedBy.name.replace(/_id$/, "").replaceAll("_", " ");

/** Makes the response field with the consistency token of a write. */
export const token = (number: number): FieldShape => ({
  name: "consistency_token",
  number,
  type: "string",
  comment: "For reads that have to see this write: Consistency.at_least_as_fresh.",
});

/** Makes the request field with the mask that names the fields to be returned. */
export const readMask = (number: number): FieldShape => ({
  name: "read_mask",
  number,
  type: "google.protobuf.FieldMask",
  comment: 'The fields to return besides the id, or "*". Absent or empty = all; an unknown path is INVALID_ARGUMENT.',
});

/** Makes the request field that names the references whose resources are to be returned too. */
export const expand = (kind: Kind, number: number): FieldShape => ({
  name: "expand",
  number,
  type: "string",
  isRepeated: true,
  comment: `What to return besides, each once: what is referred to by ${[...kind.columns.filter(({ reference }) => reference), ...kind.links].map(({ name }) => `"${name}"`).join(", ")}. Needs the permission to read that. Another name is INVALID_ARGUMENT.`,
  rules: { repeated: { max_items: 32, unique: true, items: { string: { min_len: 1, max_len: 64 } } } },
});

/** Makes the response field with the resources that the references named by `expand` refer to. */
export const expanded = (kind: Kind, number: number): FieldShape => ({
  name: "expanded",
  number,
  type: referencesName(kind),
  comment: "What expand asks for; absent = it asks for nothing.",
});

/** Returns the name of the message that holds in responses what resources of a kind refer to. */
export const referencesName = ({ message }: Pick<Kind, "message">): string => `${message.name}References`;

/** Makes the message that holds in responses what resources of a kind refer to. */
export const referencesMessage = (kind: Kind): MessageShape => ({
  name: referencesName(kind),
  comment: `What ${several(kind)} refer to, as far as expand asks for it: each once, in the order of the ids, as BatchGet shows it. Absent is what the caller may not see, and what is gone.`,
  fields: referredBy(kind).map(({ to, number, fields }) => ({
    name: to.plural,
    number,
    type: to.message.typeName,
    isRepeated: true,
    comment: `What is referred to by ${fields.map(({ name }) => `"${name}"`).join(" or ")}.`,
  })),
});

/** Makes the request field that says how fresh the answer has to be. */
export const consistency = (number: number): FieldShape => ({
  name: "consistency",
  number,
  type: "userd.v1.Consistency",
  comment: "How fresh the answer has to be. Default: minimize_latency.",
});

/** Makes the request field with the UUID by which a repeated write returns its first answer. */
export const requestId = (number: number): FieldShape => ({
  name: "request_id",
  number,
  type: "string",
  comment: "A UUID that makes a retry safe: within 24 hours the same request by the same caller returns the first answer. Empty = none.",
  rules: { string: { uuid: true }, ignore: "IGNORE_IF_ZERO_VALUE" },
});

/** Makes the request field with the id of a resource. */
export const resourceId = ({ label }: Kind): FieldShape => ({
  name: "id",
  number: 1,
  type: "int64",
  comment: `The id of the ${label}, above 0.`,
  isRequired: true,
  rules: { int64: { gt: 0 } },
});

/** Makes the field, with the number 1, that holds one resource of a kind in a request or a response. */
export const resource = ({ message, name }: Kind, comment: string, isRequired = false): FieldShape => ({
  name,
  number: 1,
  type: message.typeName,
  comment,
  ...(isRequired ? { isRequired, rules: { required: true } } : {}),
});

/** Makes the repeated field, with the number 1, that holds several resources of a kind in a response. */
export const resources = ({ message, plural }: Kind, comment: string): FieldShape => ({
  name: plural,
  number: 1,
  type: message.typeName,
  isRepeated: true,
  comment,
});

/** Makes the request field that asks for a write to be checked only, and not done. */
export const validateOnly = (number: number, verb: string): FieldShape => ({
  name: "validate_only",
  number,
  type: "bool",
  comment: `Check everything and ${verb} nothing. Default: false.`,
});

/** A field of a key, which has to be there. */
const keyField = ({ name, type, maxLength }: Column, index: number): FieldShape => ({
  name,
  number: index + 1,
  type: type === "text" ? "string" : "int64",
  comment: `The ${name.replace(/_id$/, "").replaceAll("_", " ")}, ${type === "text" ? `1 to ${maxLength} characters` : "above 0"}.`,
  isRequired: true,
  rules: type === "text" ? { string: { min_len: 1, max_len: maxLength, not_contains: "\0" } } : { int64: { gt: 0 } },
});

/** Returns the name of the message that holds one of a kind's unique keys in requests of Get. */
export const keyName = ({ message }: Pick<Kind, "message">, key: ColumnList): string => `${message.name}${pascalCase(key.name)}Key`;

/** Makes the message that holds one of a kind's unique keys in requests of Get. */
export const keyMessage = (kind: Kind, key: ColumnList): MessageShape => ({
  name: keyName(kind, key),
  comment: `What identifies ${withArticle(kind.label)} by its ${key.name.replaceAll("_", " ")}.`,
  fields: key.columns.map(keyField),
});
