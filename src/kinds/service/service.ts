import { type Kind, tokenOf, type UnplacedKind } from "../../contract/kinds/kind.ts";
import { type StandardVerb, standardMethods, withArticle } from "../../contract/kinds/methods.ts";
import { keyMessage, keyName, parentWords, referencesMessage, referencesName, several } from "./fields.ts";
import { reasonsOf } from "./reasons.ts";
import { requests } from "./requests.ts";
import { responses } from "./responses.ts";
import type { MessageShape, MethodShape, ServiceShape } from "./shape.ts";

const keptFor = ({ retention }: Kind): string => (retention ? `, and go ${retention.days} days after their ${retention.column.name}` : "");

const comments: Readonly<Record<StandardVerb, (kind: Kind) => string>> = {
  Create: (kind) => {
    const hashed = tokenOf(kind);
    const made = `Creates ${withArticle(kind.label)}.`;
    return hashed === undefined ? made : `${made} No other answer has its ${hashed.name}, but that to a retry with the same request_id.`;
  },
  Append: (kind) => `Stores ${several(kind)}, all of them or none. They never change${keptFor(kind)}.`,
  Get: ({ label, isSoft }) => `Returns ${withArticle(label)}${isSoft ? ", deleted or not" : ""}.`,
  BatchGet: (kind) => `Returns ${several(kind)} by their ids; ids that there are none of are left out.`,
  Update: () => "Changes the fields of the mask, and no others. Equal values change nothing.",
  Delete: ({ label, isSoft }) =>
    isSoft
      ? `Deletes ${withArticle(label)} softly. Lists hide it, and nothing of it can be changed. After the grace period it is purged.`
      : `Removes ${withArticle(label)} for good. Its id is never used again.`,
  Undelete: ({ label }) => `Restores a deleted ${label} and all that is part of it. One that is not deleted changes nothing.`,
  Purge: ({ label }) => `Removes ${withArticle(label)} for good, and all that is part of it. Its id is never used again.`,
  Transfer: ({ label }) =>
    `Gives ${withArticle(label)} to another profile; to that which has it already, nothing changes. What it refers to and what refers to it stays with the owner, so these references are cleared. An acting user has to own it, and what the other profile has.`,
  Reveal: ({ label }) =>
    `Returns ${withArticle(label)} with the secrets that no other RPC returns. Each call is an audit entry. An acting user has to own it.`,
  Verify: ({ label }) =>
    `Finds the ${label} whose token it is. A token that is unknown, has ended or belongs to something deleted is RESOURCE_NOT_FOUND, all alike.`,
  List: (kind) => `Lists the ${several(kind)} of ${withArticle(parentWords(kind))}.`,
};

const isRead = (verb: StandardVerb): boolean => ["Get", "BatchGet", "List"].includes(verb);

const permissionOf = (kind: Kind, verb: StandardVerb): string => {
  if (verb === "Reveal") return kind.revealPermission;
  if (verb === "Verify") return kind.verifyPermission;
  return isRead(verb) ? kind.readPermission : kind.writePermission;
};

const methodsOf = (kind: Kind): MethodShape[] =>
  standardMethods(kind).map(([verb, name]) => ({
    name,
    comment: comments[verb](kind),
    permission: permissionOf(kind, verb),
    // Whose a token is must not be learned by who has found it.
    acting: verb === "Verify" ? "ADMINISTRATOR" : "RESOURCE",
    isRead: isRead(verb),
    isBatch: verb === "Append",
    reasons: reasonsOf(verb, kind),
  }));

const messagesOf = (kind: Kind): MessageShape[] => [
  ...kind.keys.map((key) => keyMessage(kind, key)),
  referencesMessage(kind),
  ...standardMethods(kind).flatMap(([verb, name]): MessageShape[] => [
    { name: `${name}Request`, comment: `The request of ${name}.`, ...requests[verb](kind) },
    { name: `${name}Response`, comment: `The response of ${name}.`, fields: responses[verb](kind) },
  ]),
];

/** Returns the names of the messages that the service of a family has for a kind, in their order. A kind with faults has names, too. */
export const messageNames = (kind: UnplacedKind): readonly string[] => [
  ...kind.keys.map((key) => keyName(kind, key)),
  referencesName(kind),
  ...standardMethods(kind).flatMap(([, name]) => [`${name}Request`, `${name}Response`]),
];

/** Returns the description of the service of a family: the standard RPCs of its kinds, with their messages and comments. */
export const serviceOf = (name: string, kinds: readonly Kind[]): ServiceShape => ({
  name,
  comment: `The kinds ${kinds
    .map(several)
    .join(", ")
    .replace(/, ([^,]*)$/, " and $1")}.`,
  methods: kinds.flatMap(methodsOf),
  messages: kinds.flatMap(messagesOf),
});
