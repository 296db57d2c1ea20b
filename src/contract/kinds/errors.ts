import { alreadyExists, type DomainError, type ErrorDetails, failedPrecondition, notFound, type Reason } from "../../errors.ts";
import type { Column, Kind, Referent } from "./kind.ts";

type Reasoned = Pick<Kind, "hasOwnReasons">;

/** What went wrong with something of a kind. */
type Fault = "NOT_FOUND" | "TAKEN" | "DELETED";

/** The reason of a kind of its own, which `readKinds` has found in errors.proto. */
export const ownReason = (name: string, fault: Fault): string => `${name.toUpperCase()}_${fault}`;

const reasonOf = ({ hasOwnReasons }: Reasoned, name: string, fault: Fault): Reason =>
  hasOwnReasons ? (ownReason(name, fault) as Reason) : `RESOURCE_${fault}`;

/** Reasons that all kinds have in common come with the kind. */
const detailsOf = ({ hasOwnReasons }: Reasoned, metadata: Readonly<Record<string, string>>): ErrorDetails =>
  hasOwnReasons ? {} : { metadata };

const words = (name: string): string => name.replaceAll("_", " ");

/** There is no such resource, or none that the caller may see; `name` is that of a thing that it is part of, if that is what is not there. */
export const resourceNotFound = (kind: Kind, name: Referent["name"] = kind.name): DomainError =>
  notFound(reasonOf(kind, name, "NOT_FOUND"), `There is no such ${words(name)}.`, detailsOf(kind, { kind: name }));

/** The one error for what a field names and what is not there, is deleted, or belongs to another organization. */
export const referenceNotFound = (field: string): DomainError => {
  const description = "names what does not exist, is deleted, or belongs to another organization";
  return notFound("REFERENCE_NOT_FOUND", `${field} ${description}.`, { violations: [{ field, description }] });
};

/** There is nothing that a field of a kind, or of a list of it, refers to; a kind with reasons of its own tells its parent by one. */
export const referredNotFound = (kind: Kind, { reference }: Column, field: string): DomainError =>
  kind.hasOwnReasons && reference?.isParent ? resourceNotFound(kind, reference.to.name) : referenceNotFound(field);

/** Another resource of the kind has the key. */
export const resourceTaken = (kind: Kind, key: string): DomainError => {
  const sentence = kind.hasOwnReasons ? `The ${words(key)} is taken.` : `There is a ${kind.label} with this ${words(key)}.`;
  return alreadyExists(reasonOf(kind, key, "TAKEN"), sentence, detailsOf(kind, { kind: kind.name, key }));
};

/** Nothing of what is deleted can be changed: the resource, or what it is part of. */
export const resourceDeleted = (kind: Reasoned, name: Referent["name"]): DomainError =>
  failedPrecondition(
    reasonOf(kind, name, "DELETED"),
    `The ${words(name)} is deleted; it can be undeleted until it is purged.`,
    detailsOf(kind, { kind: name }),
  );
