import type { JsonObject } from "@bufbuild/protobuf";
import { sql } from "kysely";
import { invalidField } from "../errors.ts";
import type { Account as AccountMessage } from "../gen/userd/v1/account_pb.ts";
import { canonicalName } from "../names/canonical.ts";
import { jsonOf, toValue, wireBytes } from "../options/value.ts";

/** The metadata of an account or a profile, as a message has it. */
type MetadataMessage = Pick<AccountMessage, "name" | "description" | "version" | "annotations" | "tags">;

/** The metadata that both accounts and profiles have, as properties of the ORM's entities. */
export type Metadata = {
  readonly name: string;
  readonly description: string;
  readonly semver: string;
  readonly annotations: readonly JsonObject[];
  readonly tags: string[];
  readonly tagsCanonical: string[];
};

/** The version of an account or a profile that does not say one. */
const FIRST_VERSION = "1.0.0";

const KEY = /^[a-zA-Z0-9._/-]+$/;

/** @throws INVALID_ARGUMENT: a key that is none, or one of the reasons of option values. */
const annotationsOf = (annotations: readonly JsonObject[], field: string): JsonObject[] => {
  for (const [index, annotation] of annotations.entries()) {
    const isKeyed = Object.keys(annotation).every((key) => KEY.test(key));
    if (!isKeyed) throw invalidField(`${field}[${index}]`, 'may have keys of letters, digits, ".", "_", "/" and "-" only');
  }
  return JSON.parse(jsonOf(toValue(annotations), field)) as JsonObject[];
};

/** Of tags that are the same but for their case, the first. */
const tagsOf = (tags: readonly string[]): Pick<Metadata, "tags" | "tagsCanonical"> => {
  const byCanonical = new Map<string, string>();
  for (const tag of tags) if (!byCanonical.has(canonicalName(tag))) byCanonical.set(canonicalName(tag), tag);
  return { tags: [...byCanonical.values()], tagsCanonical: [...byCanonical.keys()] };
};

/** Converts the metadata fields named in `fields` from a message to properties of an ORM entity. Errors name a field with `prefix` before it. */
export const metadataOf = (message: MetadataMessage, fields: ReadonlySet<string>, prefix: string): Partial<Metadata> => ({
  ...(fields.has("name") && { name: message.name ?? "" }),
  ...(fields.has("description") && { description: message.description ?? "" }),
  ...(fields.has("version") && { semver: message.version ?? FIRST_VERSION }),
  ...(fields.has("annotations") && { annotations: annotationsOf(message.annotations, `${prefix}annotations`) }),
  ...(fields.has("tags") && tagsOf(message.tags)),
});

/** The names of all metadata fields, which `metadataOf` reads for a new account or profile. */
export const everyField: ReadonlySet<string> = new Set(["name", "description", "version", "annotations", "tags"]);

/** Converts `Metadata` to the columns of an SQL insert. */
export const metadataRow = ({ tagsCanonical, ...columns }: Metadata) => ({ ...columns, tags_canonical: tagsCanonical });

/** Makes the SQL expression that counts the bytes of a row's annotations, description and tags, the metadata that can be large. */
export const metadataBytes = (table: "account" | "user_profile") =>
  sql<number>`(octet_length(${sql.ref(`${table}.annotations`)}::text) + octet_length(${sql.ref(`${table}.description`)})
    + octet_length(array_to_string(${sql.ref(`${table}.tags`)}, ' ')))`;

/** Returns the bytes by which a row's metadata count toward a page's size: `bytes` from `metadataBytes`, plus `wireBytes` of the annotations. */
export const bytesOfMetadata = ({ bytes, annotations }: { readonly bytes: number; readonly annotations: unknown }): number =>
  bytes + wireBytes(annotations);

/** Converts the metadata in a row of an account or profile to the fields of the API's message. */
export const toMetadata = (row: Omit<Metadata, "tagsCanonical" | "annotations"> & { readonly annotations: unknown }) => ({
  name: row.name,
  description: row.description,
  version: row.semver,
  annotations: row.annotations as JsonObject[],
  tags: [...row.tags],
});
