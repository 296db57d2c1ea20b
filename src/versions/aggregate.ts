import { hash } from "node:crypto";
import { encodeKey } from "./key.ts";

const kinds = ["user", "organization", "project", "global", "roles", "account", "canonical_name", "kinds:organization"] as const;

/** The kinds of thing that have a version. All but `canonical name` have it in the table aggregate_version. */
export type AggregateKind = (typeof kinds)[number];

/** Something that has a version, and that answers depend on. */
export type Aggregate = { readonly kind: AggregateKind; readonly id: bigint };

/** An aggregate at a version. */
export type VersionedAggregate = Aggregate & { readonly version: bigint };

/** The aggregate of a user and all that belongs to it. */
export const userAggregate = (id: bigint): Aggregate => ({ kind: "user", id });

/** The aggregate of all definitions of roles. */
export const rolesAggregate: Aggregate = { kind: "roles", id: 0n };

/** The aggregate of what belongs to nobody. */
export const globalAggregate: Aggregate = { kind: "global", id: 0n };

/** The aggregate of an organization and what it configures. */
export const organizationAggregate = (id: bigint): Aggregate => ({ kind: "organization", id });

/** The aggregate of the kinds of an organization: apart from the organization's own, on which answers about options rest. */
export const kindsAggregate = (organizationId: bigint): Aggregate => ({ kind: "kinds:organization", id: organizationId });

/** The aggregate of an account, its contacts, its profiles and the resources that belong to them. */
export const accountAggregate = (id: bigint): Aggregate => ({ kind: "account", id });

/** The aggregate of the platform account, whichever it is, and its admins. */
export const platformAggregate: Aggregate = { kind: "account", id: 0n };

/** The aggregate of a project and what it configures. */
export const projectAggregate = (id: bigint): Aggregate => ({ kind: "project", id });

/**
 * The aggregate of who holds a username or an address; its version is in the table of canonical names. The id is 128 bits of a
 * hash: it stands in consistency tokens, which whoever holds them can read.
 */
export const canonicalNameAggregate = (canonical: string): Aggregate => ({
  kind: "canonical_name",
  id: BigInt(`0x${hash("sha256", canonical).slice(0, 32)}`),
});

const prefixes = Object.fromEntries(kinds.map((kind) => [kind, encodeKey(kind)])) as Readonly<Record<AggregateKind, string>>;

/** Names an aggregate in maps and in the shared store. Every look into the cache makes one, so only the id is encoded anew. */
export const aggregateKey = ({ kind, id }: Aggregate): string => prefixes[kind] + encodeKey(id);
