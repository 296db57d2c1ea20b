import { randomInt } from "node:crypto";
import { type RawBuilder, sql } from "kysely";
import { SLUG_LENGTH } from "../schema/organization.entity.ts";

/** The characters that a slug's number takes at most, with its hyphen. */
const NUMBER_LENGTH = 11;

/**
 * The slug that a name suggests: its letters without accents, in lower case, with hyphens between words. A name in another
 * script may leave nothing, or digits alone, which would be an id: then the slug has the word `kind`.
 */
export const slugOf = (name: string, kind: string): string => {
  const words = name
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");
  const slug = /[a-z_-]/.test(words) ? words : [kind, words].filter((word) => word !== "").join("-");
  return slug.slice(0, SLUG_LENGTH).replace(/-+$/, "");
};

/** The beginning of a slug, cut so that a number has room after it. */
const stemOf = (slug: string): string => slug.slice(0, SLUG_LENGTH - NUMBER_LENGTH);

/**
 * The first free slug, as an expression in SQL: the slug itself, or the slug with the number after the highest one.
 * @param within the condition on rows `s` that share the slugs.
 */
export const freeSlug = (table: string, slug: string, within: RawBuilder<unknown>): RawBuilder<string> => {
  const stem = `${stemOf(slug)}-`;
  const numbered = sql`substr(s.slug, ${stem.length + 1}::int)`;
  return sql<string>`case
    when not exists (select from ${sql.table(table)} s where ${within} and s.slug = ${slug}) then ${slug}
    else ${stem}::text || (
      select coalesce(max(case when ${numbered} ~ '^[0-9]{1,9}$' then ${numbered}::bigint end), 1) + 1 from ${sql.table(table)} s
      -- '.' follows '-': these are the slugs that begin with the stem.
      where ${within} and s.slug >= ${stem} and s.slug < ${`${stem.slice(0, -1)}.`})
    end`;
};

/** A slug with a random number of nine digits, which hardly two writes draw at once. */
export const drawnSlug = (slug: string): RawBuilder<string> => sql<string>`${`${stemOf(slug)}-${randomInt(1e8, 1e9)}`}::text`;
