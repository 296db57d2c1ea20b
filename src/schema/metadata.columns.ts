import { p } from "@mikro-orm/core";
import { text } from "./columns.ts";

/** What accounts and profiles say of themselves. */
export const metadataColumns = () => ({
  name: text(255).default(""),
  description: p.text().default(""),
  /** A semantic version; `version` is the etag. */
  semver: text(128).default("1.0.0"),
  /** A list of objects. */
  annotations: p.json<unknown>().defaultRaw("'[]'"),
  /** As they were written, in that order. */
  tags: p.array().defaultRaw("'{}'"),
  /** The tags folded as canonical names are (db/canonical-names.ts): what filters compare. */
  tagsCanonical: p.array().defaultRaw("'{}'"),
});
