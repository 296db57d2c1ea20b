import { alreadyExists, type DomainError, type ErrorDetails, failedPrecondition, notFound, type Reason } from "../../errors.ts";
import type { Column, Kind, Referent } from "./kind.ts";
import { withArticle } from "./methods.ts";

type Reasoned = Pick<Kind, "hasOwnReasons">;

/** What went wrong with something of a kind. */
type Fault = "NOT_FOUND" | "TAKEN" | "DELETED";

/** Returns a reason that is named after a kind or a key of it, such as PROJECT_NOT_FOUND. `readKinds` checks that errors.proto has it. */
export const ownReason = (name: string, fault: Fault): string => `${name.toUpperCase()}_${fault}`;

const reasonOf = ({ hasOwnReasons }: Reasoned, name: string, fault: Fault): Reason =>
  hasOwnReasons ? (ownReason(name, fault) as Reason) : `RESOURCE_${fault}`;

/** Reasons that all kinds have in common come with the kind. */
const detailsOf = ({ hasOwnReasons }: Reasoned, metadata: Readonly<Record<string, string>>): ErrorDetails =>
  hasOwnReasons ? {} : { metadata };

const words = (name: string): string => name.replaceAll("_", " ");

/** Makes the error for a resource that is not there, or that the caller may not see. `name` = what is missing: the kind, or its parent. */
export const resourceNotFound = (kind: Kind, name: Referent["name"] = kind.name): DomainError =>
  notFound(reasonOf(kind, name, "NOT_FOUND"), `There is no such ${words(name)}.`, detailsOf(kind, { kind: name }));

/**
 * Makes the error for a field that names something that does not exist, is deleted, or belongs to another organization or profile, without saying
 * which.
 */
export const referenceNotFound = (field: string): DomainError => {
  const description = "names what does not exist, is deleted, or belongs to another organization or profile";
  return notFound("REFERENCE_NOT_FOUND", `${field} ${description}.`, { violations: [{ field, description }] });
};

/**
 * Makes the error for a missing target of a reference. Its reason is REFERENCE_NOT_FOUND; but if the target is the parent of a kind with own
 * reasons, the reason has the parent's name, such as PROJECT_NOT_FOUND.
 */
export const referredNotFound = (kind: Kind, { reference }: Column, field: string): DomainError =>
  kind.hasOwnReasons && reference?.isParent ? resourceNotFound(kind, reference.to.name) : referenceNotFound(field);

/** Makes the error for a key whose value another resource of the kind has already. */
export const resourceTaken = (kind: Kind, key: string): DomainError => {
  const sentence = kind.hasOwnReasons ? `The ${words(key)} is taken.` : `There is ${withArticle(kind.label)} with this ${words(key)}.`;
  return alreadyExists(reasonOf(kind, key, "TAKEN"), sentence, detailsOf(kind, { kind: kind.name, key }));
};

/** Makes the error for a change of a resource that is deleted, or that is part of something deleted. */
export const resourceDeleted = (kind: Reasoned, name: Referent["name"]): DomainError =>
  failedPrecondition(
    reasonOf(kind, name, "DELETED"),
    `The ${words(name)} is deleted; it can be undeleted until it is purged.`,
    detailsOf(kind, { kind: name }),
  );
