import { hash } from "node:crypto";
import { encodeKey } from "./key.ts";

const kinds = [
  "user",
  "organization",
  "project",
  "global",
  "roles",
  "account",
  "canonical_name",
  "kinds:organization",
  "kinds:profile",
  "kinds:shared",
] as const;

/** The kinds of aggregates. All but `canonical_name`, whose versions are in name_version, have them in the table aggregate_version. */
export type AggregateKind = (typeof kinds)[number];

/** Tells whether a name is that of a kind of aggregates. */
export const isAggregateKind = (name: string): name is AggregateKind => (kinds as readonly string[]).includes(name);

/** An aggregate: something that has a version, and that answers depend on. */
export type Aggregate = { readonly kind: AggregateKind; readonly id: bigint };

/** An aggregate at one of its versions. */
export type VersionedAggregate = Aggregate & { readonly version: bigint };

/** Makes the aggregate of a user, with all that belongs to the user. */
export const userAggregate = (id: bigint): Aggregate => ({ kind: "user", id });

/** The aggregate of all definitions of roles. */
export const rolesAggregate: Aggregate = { kind: "roles", id: 0n };

/** The aggregate of what belongs to no user or organization, such as identity providers and the options of the global scope. */
export const globalAggregate: Aggregate = { kind: "global", id: 0n };

/** Makes the aggregate of an organization, with its scope options. */
export const organizationAggregate = (id: bigint): Aggregate => ({ kind: "organization", id });

/**
 * Makes the aggregate of the resources of kinds in an organization. It is not the organization's aggregate, so that changes of resources don't
 * outdate answers about options. A write locks it after organizations, projects and users, and before canonical names.
 */
export const kindsAggregate = (organizationId: bigint): Aggregate => ({ kind: "kinds:organization", id: organizationId });

/** Makes the aggregate of the resources of kinds that a profile owns. Writes lock it after accounts and users. */
export const ownedAggregate = (profileId: bigint): Aggregate => ({ kind: "kinds:profile", id: profileId });

/**
 * Makes the aggregate of one shared resource, of whatever kind: with a single aggregate for all shared resources, every write would wait for
 * the others. Writes lock this aggregate after those of `kindsAggregate`.
 */
export const sharedAggregate = (id: bigint): Aggregate => ({ kind: "kinds:shared", id });

/** Makes the aggregate of an account, with its contacts, its profiles and their resources. */
export const accountAggregate = (id: bigint): Aggregate => ({ kind: "account", id });

/** The aggregate of the platform account and its admins. Its id is 0, whichever account is the platform account. */
export const platformAggregate: Aggregate = { kind: "account", id: 0n };

/**
 * Makes the aggregate of a canonical name, with the users who have the name. The id is a 128-bit hash that hides the name, since everybody can
 * read the ids in consistency tokens.
 */
export const canonicalNameAggregate = (canonical: string): Aggregate => digestAggregate(nameDigest(canonical));

/** Returns the digest by which the database knows a canonical name: the first 128 bits of its SHA-256, in hex. */
export const nameDigest = (canonical: string): string => hash("sha256", canonical).slice(0, 32);

/** Makes the aggregate of a canonical name of its digest. */
export const digestAggregate = (digest: string): Aggregate => ({ kind: "canonical_name", id: BigInt(`0x${digest}`) });

const prefixes = Object.fromEntries(kinds.map((kind) => [kind, encodeKey(kind)])) as Readonly<Record<AggregateKind, string>>;

/** Returns the key of an aggregate in maps and in the shared store. Every look-up needs the key, so the part for the kind is encoded once. */
export const aggregateKey = ({ kind, id }: Aggregate): string => prefixes[kind] + encodeKey(id);
