import { randomInt } from "node:crypto";
import { type RawBuilder, sql } from "kysely";
import type { Column, Kind } from "../contract/kinds/kind.ts";
import { oncePerKind } from "./once-per-kind.ts";
import type { Values } from "./values.ts";

/** The characters that a slug's number takes at most, with its hyphen. */
const NUMBER_LENGTH = 11;
/** The number of times that a slug is tried with the next number, and then as often with a drawn one. */
const ATTEMPTS = 3;

/**
 * The slug that a name suggests: its letters without accents, in lower case, with hyphens between words. A name in another
 * script may leave nothing, or digits alone, which would be an id: then the slug has the word `kind`.
 */
const slugOf = (name: string, kind: string, maxLength: number): string => {
  const words = name
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");
  const slug = /[a-z_-]/.test(words) ? words : [kind, words].filter((word) => word !== "").join("-");
  return slug.slice(0, maxLength).replace(/-+$/, "");
};

/** The first free slug: the slug itself, or the slug with the number after the highest one. */
const freeSlug = (table: string, column: RawBuilder<unknown>, slug: string, stem: string, within: RawBuilder<unknown>) => {
  const numbered = sql`substr(${column}, ${stem.length + 1}::int)`;
  return sql<string>`case
    when not exists (select from ${sql.table(table)} s where ${within} and ${column} = ${slug}) then ${slug}
    else ${stem}::text || (
      select coalesce(max(case when ${numbered} ~ '^[0-9]{1,9}$' then ${numbered}::bigint end), 1) + 1 from ${sql.table(table)} s
      -- '.' follows '-': these are the slugs that begin with the stem.
      where ${within} and ${column} >= ${stem} and ${column} < ${`${stem.slice(0, -1)}.`})
    end`;
};

/** A unique key that ends in a slug: the column of the slug, and the other columns of the key (`within`). */
export type SlugKey = { readonly slug: Column; readonly within: readonly Column[] };

const slugKeys = oncePerKind(({ keys }): readonly SlugKey[] =>
  keys.flatMap(({ columns }) => {
    const slug = columns.at(-1);
    return slug === undefined || slug.slugFrom === "" ? [] : [{ slug, within: columns.slice(0, -1) }];
  }),
);

/** Returns the unique key whose slug has to be generated, since the given slug is empty; undefined = there is no such key. */
export const missingSlug = (kind: Kind, { columns }: Values): SlugKey | undefined =>
  slugKeys(kind).find(({ slug }) => columns.get(slug) === "");

/**
 * Returns SQL expressions for the slugs of a new resource, to be tried in order as other writes may take a slug first: three times the first
 * free slug, then three slugs with nine random digits.
 */
export const candidates = ({ name: kind, table }: Kind, { slug, within }: SlugKey, { columns }: Values) => {
  const name = [...columns].find(([column]) => column.name === slug.slugFrom)?.[1] as string;
  const wanted = slugOf(name, kind, slug.maxLength);
  // Cut so that a number has room after it.
  const stem = `${wanted.slice(0, slug.maxLength - NUMBER_LENGTH)}-`;
  const same = within.map((column) => sql`${sql.ref(`s.${column.name}`)} = ${columns.get(column)}`);
  const free = freeSlug(table, sql.ref(`s.${slug.name}`), wanted, stem, sql.join([sql`true`, ...same], sql` and `));
  return Array.from({ length: 2 * ATTEMPTS }, (_, attempt) =>
    attempt < ATTEMPTS ? free : sql<string>`${`${stem}${randomInt(1e8, 1e9)}`}::text`,
  );
};
