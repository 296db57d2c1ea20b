import { type Column, type Kind, sealedOf } from "../../contract/kinds/kind.ts";
import type { StandardVerb } from "../../contract/kinds/methods.ts";
import { filterFieldsOf } from "../filter-fields.ts";
import { ordersOf } from "../order.ts";
import {
  consistency,
  expand,
  keyMessage,
  parentWords,
  readMask,
  requestId,
  resource,
  resourceId,
  resources,
  several,
  validateOnly,
} from "./fields.ts";
import type { FieldShape, MessageShape } from "./shape.ts";

type Request = Pick<MessageShape, "fields" | "oneOf">;

const listed = (columns: readonly Column[]): string => `"${columns.map(({ name }) => name).join(", ")}"`;

const maskable = (kind: Kind): string =>
  [...kind.columns.filter(({ isOutputOnly, isImmutable }) => !isOutputOnly && !isImmutable), ...kind.links, ...sealedOf(kind)]
    .map(({ name }) => `"${name}"`)
    .join(", ");

const byKey = (kind: Kind): FieldShape[] =>
  kind.keys.map((key, index) => ({
    name: key.name,
    number: index + 3,
    type: keyMessage(kind, key).name,
    comment: `Its ${key.name.replaceAll("_", " ")}${key.columns.length > 1 ? ", and where that is unique" : ""}.`,
  }));

/** What a request of List has besides the parent. */
const listFields = (kind: Kind): FieldShape[] => {
  const orders = ordersOf(kind).map((order) => `, ${listed(order)}`);
  const names = [...filterFieldsOf(kind).declared.keys()].join(", ");
  return [
    {
      name: "page_size",
      number: 2,
      type: "int32",
      comment: `Most ${several(kind)} to return: 0 = 50; more than 1,000 = 1,000.`,
      rules: { int32: { gte: 0 } },
    },
    {
      name: "page_token",
      number: 3,
      type: "string",
      comment: "The next_page_token of the page before, for the same query. Empty = the first page.",
      rules: { string: { max_len: 2048 } },
    },
    {
      name: "order_by",
      number: 4,
      type: "string",
      comment: `The order: "id"${orders.join("")}; with " desc" after each field for the other direction. Equal ones are in the order of their ids. Empty = "id".`,
      rules: { string: { max_len: 256, not_contains: "\0" } },
    },
    consistency(5),
    ...(kind.isSoft
      ? [{ name: "show_deleted", number: 6, type: "bool", comment: `Include deleted ${several(kind)}. Default: false.` } as const]
      : []),
    {
      name: "filter",
      number: 7,
      type: "string",
      comment: `Which of them, as docs/kinds.md says: a condition in CEL on ${names}; up to 4 KiB. Empty = all.`,
      rules: { string: { max_bytes: 4096, not_contains: "\0" } },
    },
    readMask(8),
    { name: "count", number: 9, type: "bool", comment: "Say on the first page how many there are on all pages. Default: false." },
    {
      name: "as_user_id",
      number: 10,
      type: "int64",
      isOptional: true,
      comment: "List only what this user may read, or owns, as docs/kinds.md says. 0 = nobody, whose list is empty. Absent = list all.",
      rules: { int64: { gte: 0 } },
    },
    {
      name: "relation",
      number: 11,
      type: "userd.v1.AccessRelation",
      comment: "Whether as_user_id may read what is listed, or owns it. Default: may read.",
      rules: { enum: { defined_only: true } },
    },
    expand(kind, 12),
  ];
};

/** The functions that make the fields of the request of a standard RPC, keyed by verb, such as `Create`. */
export const requests: Readonly<Record<StandardVerb, (kind: Kind) => Request>> = {
  Create: (kind) => ({
    fields: [resource(kind, `The ${kind.label} to create; OUTPUT_ONLY fields are ignored.`, true), requestId(2), validateOnly(3, "create")],
  }),
  Append: (kind) => ({
    fields: [
      {
        ...resources(kind, `1 to 1,000 ${several(kind)}; OUTPUT_ONLY fields are ignored.`),
        isRequired: true,
        rules: { repeated: { min_items: 1, max_items: 1000 } },
      },
      requestId(2),
      validateOnly(3, "append"),
    ],
  }),
  Get: (kind) => ({
    oneOf: {
      name: "key",
      comment: `Which ${kind.label}.`,
      fields: [{ name: "id", number: 1, type: "int64", comment: "Its id, above 0.", rules: { int64: { gt: 0 } } }, ...byKey(kind)],
    },
    fields: [consistency(2), readMask(15), expand(kind, 16)],
  }),
  BatchGet: (kind) => ({
    fields: [
      {
        name: "ids",
        number: 1,
        type: "int64",
        isRepeated: true,
        isRequired: true,
        comment: "1 to 1,000 ids, above 0, each once.",
        rules: { repeated: { min_items: 1, max_items: 1000, unique: true, items: { int64: { gt: 0 } } } },
      },
      consistency(2),
      readMask(3),
      expand(kind, 4),
    ],
  }),
  Update: (kind) => ({
    fields: [
      resource(kind, `The id of the ${kind.label}, and its new values.`, true),
      {
        name: "update_mask",
        number: 2,
        type: "google.protobuf.FieldMask",
        comment: `The fields to change: ${maskable(kind)}, or "*". Absent or empty = those that are set; an unknown path is INVALID_ARGUMENT; OUTPUT_ONLY paths are ignored.`,
      },
    ],
  }),
  Delete: (kind) => ({
    fields: [
      resourceId(kind),
      {
        name: "etag",
        number: 2,
        type: "string",
        comment: "The version to delete; a stale one is ABORTED ETAG_MISMATCH. Empty = no check.",
        rules: { string: { max_len: 64 } },
      },
      validateOnly(3, "delete"),
      requestId(4),
    ],
  }),
  Undelete: (kind) => ({ fields: [resourceId(kind)] }),
  Purge: (kind) => ({ fields: [resourceId(kind), validateOnly(2, "purge"), requestId(3)] }),
  List: (kind) => ({
    fields: [
      {
        name: kind.listedBy.name,
        number: 1,
        type: "int64",
        comment: `The ${parentWords(kind)}, above 0.`,
        isRequired: true,
        rules: { int64: { gt: 0 } },
      },
      ...listFields(kind),
    ],
  }),
  Transfer: (kind) => ({
    fields: [
      resourceId(kind),
      {
        name: "to_profile_id",
        number: 2,
        type: "int64",
        comment: "The profile that is to own it, above 0.",
        isRequired: true,
        rules: { int64: { gt: 0 } },
      },
      {
        name: "etag",
        number: 3,
        type: "string",
        comment: "The version to transfer; a stale one is ABORTED ETAG_MISMATCH. Empty = no check.",
        rules: { string: { max_len: 64 } },
      },
      validateOnly(4, "transfer"),
      requestId(5),
    ],
  }),
  Reveal: (kind) => ({ fields: [resourceId(kind)] }),
  Verify: (kind) => ({
    fields: [
      {
        name: "token",
        number: 1,
        type: "string",
        isRequired: true,
        comment: `The token that the answer of Create${kind.message.name} had, 1 to 512 characters. One that was never given is NOT_FOUND.`,
        rules: { string: { min_len: 1, max_len: 512 } },
      },
    ],
  }),
};
