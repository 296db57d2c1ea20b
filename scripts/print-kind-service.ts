import { ownReason } from "../src/contract/kinds/errors.ts";
import type { Column, ColumnList, Kind } from "../src/contract/kinds/kind.ts";
import { pascalCase, type StandardVerb, standardMethods } from "../src/contract/kinds/methods.ts";
import type { Reason } from "../src/errors.ts";
import { ErrorReason } from "../src/gen/userd/v1/errors_pb.ts";
import { filterFieldsOf } from "../src/kinds/filter-fields.ts";
import { ordersOf } from "../src/kinds/order.ts";

const REQUIRED = "(google.api.field_behavior) = REQUIRED";
const TOKEN = "// For reads that have to see this write: Consistency.at_least_as_fresh.\nstring consistency_token";
const READ_MASK =
  '// The fields to return besides the id, or "*". Absent or empty = all; an unknown path is INVALID_ARGUMENT.\ngoogle.protobuf.FieldMask read_mask';
const FRESH = "// How fresh the answer has to be. Default: minimize_latency.\nuserd.v1.Consistency consistency";

const several = ({ plural }: Kind): string => plural.replaceAll("_", " ");

const words = ({ label }: Kind): string => `${/^[aeiou]/.test(label) ? "an" : "a"} ${label}`;

const listed = (columns: readonly Column[]): string => `"${columns.map(({ name }) => name).join(", ")}"`;

const requestId = (number: number): string => `
  // A UUID that makes a retry safe: within 24 hours the same request by the same caller returns the first answer.
  // Empty = none.
  string request_id = ${number} [(buf.validate.field).string.uuid = true, (buf.validate.field).ignore = IGNORE_IF_ZERO_VALUE];`;

const idOf = ({ label }: Kind): string => `
  // The id of the ${label}, above 0.
  int64 id = 1 [${REQUIRED}, (buf.validate.field).int64.gt = 0];`;

const resource = (kind: Kind, comment: string, isRequired: boolean): string => `
  // ${comment}
  ${kind.message.name} ${kind.name} = 1${isRequired ? ` [${REQUIRED}, (buf.validate.field).required = true]` : ""};`;

const validateOnly = (number: number, verb: string): string => `
  // Check everything and ${verb} nothing. Default: false.
  bool validate_only = ${number};`;

const keyMessage = (kind: Kind, key: ColumnList): string => `${kind.message.name}${pascalCase(key.name)}Key`;

/** A field of a key, which has to be there. */
const keyField = ({ name, type, maxLength }: Column, index: number): string => {
  const rule = type === "text" ? `string = {min_len: 1, max_len: ${maxLength}, not_contains: "\\000"}` : `int64.gt = 0`;
  const comment = type === "text" ? `1 to ${maxLength} characters` : "above 0";
  return `
  // The ${name.replace(/_id$/, "").replaceAll("_", " ")}, ${comment}.
  ${type === "text" ? "string" : "int64"} ${name} = ${index + 1} [${REQUIRED}, (buf.validate.field).${rule}];`;
};

const maskable = ({ columns, links }: Kind): string =>
  [...columns.filter(({ isOutputOnly, isImmutable }) => !isOutputOnly && !isImmutable), ...links].map(({ name }) => `"${name}"`).join(", ");

/** The text as a comment, whose lines have 120 characters at most. */
const comment = (text: string): string => {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > 120) lines.push(`  // ${word}`);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.join("\n");
};

const parentWords = ({ listedBy }: Kind): string => listedBy.name.replace(/_id$/, "").replaceAll("_", " ");

const requests: Readonly<Record<StandardVerb, (kind: Kind) => string>> = {
  Create: (kind) =>
    `${resource(kind, `The ${kind.label} to create; OUTPUT_ONLY fields are ignored.`, true)}${requestId(2)}${validateOnly(3, "create")}`,
  Get: (kind) => `
  // Which ${kind.label}.
  oneof key {
    option (buf.validate.oneof).required = true;
    // Its id, above 0.
    int64 id = 1 [(buf.validate.field).int64.gt = 0];
${kind.keys.map((key, index) => `    // Its ${key.name.replaceAll("_", " ")}${key.columns.length > 1 ? ", and where that is unique" : ""}.\n    ${keyMessage(kind, key)} ${key.name} = ${index + 3};`).join("\n")}
  }

  ${FRESH} = 2;
  ${READ_MASK} = 15;`,
  BatchGet: () => `
  // 1 to 1,000 ids, above 0, each once.
  repeated int64 ids = 1 [${REQUIRED}, (buf.validate.field).repeated = {min_items: 1, max_items: 1000, unique: true, items: {int64: {gt: 0}}}];
  ${FRESH} = 2;
  ${READ_MASK} = 3;`,
  Update: (kind) => `${resource(kind, `The id of the ${kind.label}, and its new values.`, true)}
${comment(`The fields to change: ${maskable(kind)}, or "*". Absent or empty = those that are set; an unknown path is INVALID_ARGUMENT; OUTPUT_ONLY paths are ignored.`)}
  google.protobuf.FieldMask update_mask = 2;`,
  Delete: (kind) => `${idOf(kind)}
  // The version to delete; a stale one is ABORTED ETAG_MISMATCH. Empty = no check.
  string etag = 2 [(buf.validate.field).string.max_len = 64];${validateOnly(3, "delete")}${requestId(4)}`,
  Undelete: idOf,
  Purge: (kind) => `${idOf(kind)}${validateOnly(2, "purge")}${requestId(3)}`,
  List: (kind) => `
  // The ${parentWords(kind)}, above 0.
  int64 ${kind.listedBy.name} = 1 [${REQUIRED}, (buf.validate.field).int64.gt = 0];
  // Most ${several(kind)} to return: 0 = 50; more than 1,000 = 1,000.
  int32 page_size = 2 [(buf.validate.field).int32.gte = 0];
  // The next_page_token of the page before, for the same query. Empty = the first page.
  string page_token = 3 [(buf.validate.field).string.max_len = 2048];
${comment(
  `The order: "id"${ordersOf(kind)
    .map((order) => `, ${listed(order)}`)
    .join("")}; with " desc" after each field for the other direction. Equal ones are in the order of their ids. Empty = "id".`,
)}
  string order_by = 4 [(buf.validate.field).string = {max_len: 256, not_contains: "\\000"}];
  ${FRESH} = 5;${kind.isSoft ? `\n  // Include deleted ${several(kind)}. Default: false.\n  bool show_deleted = 6;` : ""}
${comment(
  `Which of them, as docs/kinds.md says: a condition in CEL on ${[...filterFieldsOf(kind).declared.keys()].join(", ")}; up to 4 KiB. Empty = all.`,
)}
  string filter = 7 [(buf.validate.field).string = {max_bytes: 4096, not_contains: "\\000"}];
  ${READ_MASK} = 8;
  // Say on the first page how many there are on all pages. Default: false.
  bool count = 9;
  // List only what this user may read, or owns, as docs/kinds.md says. 0 = nobody, whose list is empty. Absent = list all.
  optional int64 as_user_id = 10 [(buf.validate.field).int64.gte = 0];
  // Whether as_user_id may read what is listed, or owns it. Default: may read.
  userd.v1.AccessRelation relation = 11 [(buf.validate.field).enum.defined_only = true];`,
};

const changed = (kind: Kind, comment: string): string => `${resource(kind, comment, false)}
  ${TOKEN} = 2;`;

const responses: Readonly<Record<StandardVerb, (kind: Kind) => string>> = {
  Create: (kind) => changed(kind, `The ${kind.label}.`),
  Get: (kind) => resource(kind, `The ${kind.label}${kind.isSoft ? ", deleted or not" : ""}.`, false),
  BatchGet: (kind) => `
  // What there is of them, in the order of the ids${kind.isSoft ? ", deleted or not" : ""}.
  repeated ${kind.message.name} ${kind.plural} = 1;`,
  Update: (kind) => changed(kind, `The ${kind.label} after the change.`),
  Delete: (kind) =>
    kind.isSoft ? changed(kind, `The ${kind.label} after the change, with its delete_time and purge_time.`) : `\n  ${TOKEN} = 1;`,
  Undelete: (kind) => changed(kind, `The ${kind.label} after the change.`),
  Purge: () => `\n  ${TOKEN} = 1;`,
  List: (kind) => `
  // The ${several(kind)}, in the order that was asked for.
  repeated ${kind.message.name} ${kind.plural} = 1;
  // Asks for the next page; empty = this is the last one.
  string next_page_token = 2;
${comment(`How many ${several(kind)} all pages have, exactly up to 10,000; absent unless count asks for it, and on later pages.`)}
  optional int64 total_size = 3;
  // True if total_size is what the database estimates, since there are more than 10,000.
  bool total_size_is_estimate = 4;`,
};

const comments: Readonly<Record<StandardVerb, (kind: Kind) => string>> = {
  Create: (kind) => `Creates ${words(kind)}.`,
  Get: (kind) => `Returns ${words(kind)}${kind.isSoft ? ", deleted or not" : ""}.`,
  BatchGet: (kind) => `Returns ${several(kind)} by their ids; ids that there are none of are left out.`,
  Update: () => "Changes the fields of the mask, and no others. Equal values change nothing.",
  Delete: (kind) =>
    kind.isSoft
      ? `Deletes ${words(kind)} softly. Lists hide it, and nothing of it can be changed. After the grace period it is purged.`
      : `Removes ${words(kind)} for good. Its id is never used again.`,
  Undelete: (kind) => `Restores a deleted ${kind.label} and all that is part of it. One that is not deleted changes nothing.`,
  Purge: (kind) => `Removes ${words(kind)} for good, and all that is part of it. Its id is never used again.`,
  List: (kind) => `Lists the ${several(kind)} of ${/^[aeiou]/.test(parentWords(kind)) ? "an" : "a"} ${parentWords(kind)}.`,
};

const isReading = (verb: StandardVerb): boolean => ["Get", "BatchGet", "List"].includes(verb);

/** What a kind with reasons of its own answers instead of one that all kinds have. */
const ownReasons = (reason: Reason, { name, keys, ancestors, parent }: Kind): readonly string[] => {
  const above = ancestors.map(({ to }) => to.name);
  if (reason === "RESOURCE_NOT_FOUND") return [ownReason(name, "NOT_FOUND")];
  if (reason === "RESOURCE_TAKEN") return keys.map((key) => ownReason(key.name, "TAKEN"));
  if (reason === "RESOURCE_DELETED") return [name, ...above].map((one) => ownReason(one, "DELETED"));
  return [reason, ...(reason === "REFERENCE_NOT_FOUND" && parent.reference ? [ownReason(parent.reference.to.name, "NOT_FOUND")] : [])];
};

/** The errors that an RPC has of its own, in the order of the enum. */
const reasonsOf = (verb: StandardVerb, kind: Kind): readonly Reason[] => {
  const { columns, links, keys, hasOwnReasons } = kind;
  const writes = columns.filter(({ isOutputOnly }) => !isOutputOnly);
  const isChange = verb === "Create" || verb === "Update";
  const holds: readonly (readonly [Reason, boolean])[] = [
    ["OPTION_VALUE_TOO_LARGE", isChange && writes.some(({ type }) => type === "jsonb")],
    ["OPTION_VALUE_TOO_DEEP", isChange && writes.some(({ type }) => type === "jsonb")],
    ["IMMUTABLE_FIELD", verb === "Update" && writes.some(({ isImmutable }) => isImmutable)],
    ["QUERY_NOT_INDEXED", verb === "List"],
    ["ETAG_MISMATCH", verb === "Update" || verb === "Delete"],
    ["RESOURCE_NOT_FOUND", !["Create", "BatchGet", "List"].includes(verb)],
    [
      "RESOURCE_TAKEN",
      (verb === "Create" && keys.length > 0) ||
        (verb === "Update" && keys.some((key) => key.columns.some((column) => !column.isImmutable && !column.isOutputOnly))),
    ],
    ["RESOURCE_DELETED", ["Update", "Delete", "Undelete"].includes(verb) || (verb === "Create" && hasOwnReasons)],
    [
      "REFERENCE_NOT_FOUND",
      verb === "Create" ||
        verb === "List" ||
        (verb === "Update" && (links.length > 0 || writes.some(({ reference, isImmutable }) => reference !== undefined && !isImmutable))),
    ],
  ];
  const held = holds.filter(([, isHeld]) => isHeld).map(([reason]) => reason);
  const reasons = hasOwnReasons ? (held.flatMap((reason) => ownReasons(reason, kind)) as Reason[]) : held;
  return reasons.toSorted((a, b) => ErrorReason[a] - ErrorReason[b]);
};

const rpcOf = (kind: Kind, verb: StandardVerb, name: string): string => {
  const reasons = reasonsOf(verb, kind);
  const reads = isReading(verb)
    ? `\n    option idempotency_level = NO_SIDE_EFFECTS;\n    option (userd.v1.permission) = "${kind.readPermission}";\n    option (userd.v1.reads) = READS_DATABASE;`
    : `\n    option (userd.v1.permission) = "${kind.writePermission}";`;
  return `${comment(comments[verb](kind))}
  rpc ${name}(${name}Request) returns (${name}Response) {${reads}${
    reasons.length > 0 ? `\n    option (userd.v1.errors) = {reasons: [${reasons.join(", ")}]};` : ""
  }
  }
`;
};

/** The service of a family, as the text of a .proto. */
export const serviceOf = (service: string, kinds: readonly Kind[]): string => {
  const names = kinds.map(several);
  return `// The kinds ${names.join(", ").replace(/, ([^,]*)$/, " and $1")}.
service ${service} {
${kinds.flatMap((kind) => standardMethods(kind).map(([verb, name]) => rpcOf(kind, verb, name))).join("\n")}}
`;
};

/** The requests and responses of a kind's RPCs, as the text of a .proto. */
export const messagesOf = (kind: Kind): string =>
  [
    ...kind.keys.map(
      (key) => `// What identifies ${words(kind)} by its ${key.name.replaceAll("_", " ")}.
message ${keyMessage(kind, key)} {${key.columns.map(keyField).join("")}
}
`,
    ),
    ...standardMethods(kind).flatMap(([verb, name]) => [
      `// The request of ${name}.\nmessage ${name}Request {${requests[verb](kind)}\n}\n`,
      `// The response of ${name}.\nmessage ${name}Response {${responses[verb](kind)}\n}\n`,
    ]),
  ].join("\n");
