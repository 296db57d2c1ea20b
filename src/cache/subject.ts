/** The kinds of thing that have a version. */
export type SubjectKind = "user" | "organization" | "project" | "global" | "roles" | "account";

/** Something that has a version, and that answers depend on. */
export type Subject = { readonly kind: SubjectKind; readonly id: bigint };

/** A subject at a version. */
export type VersionedSubject = Subject & { readonly version: bigint };

/** The subject of a user and all that belongs to it. */
export const userSubject = (id: bigint): Subject => ({ kind: "user", id });

/** The subject of all definitions of roles. */
export const rolesSubject: Subject = { kind: "roles", id: 0n };

/** The subject of what belongs to nobody. */
export const globalSubject: Subject = { kind: "global", id: 0n };

/** The subject of an organization and what it configures. */
export const organizationSubject = (id: bigint): Subject => ({ kind: "organization", id });
