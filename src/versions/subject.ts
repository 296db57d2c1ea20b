import { hash } from "node:crypto";
import { encodeKey } from "./key.ts";

const kinds = ["user", "organization", "project", "global", "roles", "account", "handle"] as const;

/** The kinds of thing that have a version. All but `handle` have it in the table subject_version. */
export type SubjectKind = (typeof kinds)[number];

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

/** The subject of an account, its contacts, its profiles and the resources that belong to them. */
export const accountSubject = (id: bigint): Subject => ({ kind: "account", id });

/** The subject of the platform account, whichever it is, and its admins. */
export const platformSubject: Subject = { kind: "account", id: 0n };

/** The subject of a project and what it configures. */
export const projectSubject = (id: bigint): Subject => ({ kind: "project", id });

/**
 * The subject of who holds a username or an address; its version is in the table of handles. The id is 128 bits of a
 * hash: it stands in consistency tokens, which whoever holds them can read.
 */
export const handleSubject = (handle: string): Subject => ({
  kind: "handle",
  id: BigInt(`0x${hash("sha256", handle).slice(0, 32)}`),
});

const prefixes = Object.fromEntries(kinds.map((kind) => [kind, encodeKey(kind)])) as Readonly<Record<SubjectKind, string>>;

/** Names a subject in maps and in the shared store. Every look into the cache makes one, so only the id is encoded anew. */
export const subjectKey = ({ kind, id }: Subject): string => prefixes[kind] + encodeKey(id);
