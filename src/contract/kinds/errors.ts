import { alreadyExists, type DomainError, failedPrecondition, notFound } from "../../errors.ts";
import type { Kind, Referent } from "./kind.ts";

/** There is no such resource, or none that the caller may see. */
export const resourceNotFound = ({ name, label }: Kind): DomainError =>
  notFound("RESOURCE_NOT_FOUND", `There is no such ${label}.`, { metadata: { kind: name } });

/** The one error for what a field names and what is not there, is deleted, or belongs to another organization. */
export const referenceNotFound = (field: string): DomainError => {
  const description = "names what does not exist, is deleted, or belongs to another organization";
  return notFound("REFERENCE_NOT_FOUND", `${field} ${description}.`, { violations: [{ field, description }] });
};

/** Another resource of the kind has the key. */
export const resourceTaken = ({ name, label }: Kind, key: string): DomainError =>
  alreadyExists("RESOURCE_TAKEN", `There is a ${label} with this ${key.replaceAll("_", " ")}.`, { metadata: { kind: name, key } });

/** Nothing of what is deleted can be changed. */
export const resourceDeleted = (name: Referent["name"]): DomainError =>
  failedPrecondition("RESOURCE_DELETED", `The ${name.replaceAll("_", " ")} is deleted; it can be undeleted until it is purged.`, {
    metadata: { kind: name },
  });
