import { type RawBuilder, sql } from "kysely";
import type { Database } from "../db/orm.ts";
import { canonicalName } from "../names/canonical.ts";

/** The rows within which names have to be different; empty = the whole table. */
type UniqueRule = { readonly within?: string; readonly where?: string };

/** A column of names, and the column that holds their canonical forms. */
export type NameColumn = {
  /** The content of the column, in words for people. */
  readonly what: string;
  readonly table: string;
  readonly spelling: string;
  readonly form: string;
  /** The column of the owner, and the kind of its aggregate. */
  readonly owner: string;
  readonly aggregate: "user" | "organization" | "account";
  /** Tells whether the forms have versions of their own, on which look-ups by name depend. */
  readonly isName: boolean;
  readonly unique: readonly UniqueRule[];
};

const columnOf = (what: string, place: string, column: Pick<NameColumn, "owner" | "aggregate"> & Partial<NameColumn>): NameColumn => {
  const [table = "", spelling = "", form = ""] = place.split(" ");
  return { what, table, spelling, form, isName: false, unique: [], ...column };
};

/** The column of usernames. */
export const usernames = columnOf("username", "users username username_canonical", {
  owner: "id",
  aggregate: "user",
  isName: true,
  unique: [{}],
});

/** The column of the addresses of users. */
export const addresses = columnOf("address", "user_email email email_canonical", {
  owner: "user_id",
  aggregate: "user",
  isName: true,
  unique: [{ within: "user_id" }, { where: "is_verified" }],
});

/** All columns of names that have a canonical form. */
export const nameColumns: readonly NameColumn[] = [
  usernames,
  addresses,
  columnOf("name", "users name name_canonical", { owner: "id", aggregate: "user" }),
  columnOf("invited address", "organization_member email email_canonical", {
    owner: "organization_id",
    aggregate: "organization",
    isName: true,
    unique: [{ within: "organization_id" }],
  }),
  columnOf("contact", "account_contact email email_canonical", {
    owner: "account_id",
    aggregate: "account",
    unique: [{ within: "account_id" }],
  }),
  columnOf("tag of an account", "account tags tags_canonical", { owner: "id", aggregate: "account" }),
  columnOf("tag of a profile", "user_profile tags tags_canonical", { owner: "user_id", aggregate: "user" }),
];

/** A text, or the texts of a list. */
type Names = string | readonly string[];

/** A row whose stored canonical form differs from the form that this version of userd makes of the name. */
export type OutdatedRow = {
  readonly id: bigint;
  readonly owner: bigint;
  readonly spelling: Names;
  readonly stored: Names;
  readonly form: Names;
};

/** The number of rows that are read at a time. */
const PAGE = 10_000;

const formOf = (spelling: Names): Names =>
  typeof spelling === "string" ? canonicalName(spelling) : [...new Set(spelling.map(canonicalName))];

const isSame = (one: Names, other: Names): boolean =>
  typeof one === "string" ? one === other : one.length === other.length && one.every((name, index) => name === other[index]);

/** Finds the rows with an outdated canonical form, for one column of names. Reads the whole table, in pages. */
export const outdatedRows = async (db: Database, { table, spelling, form, owner }: NameColumn): Promise<OutdatedRow[]> => {
  const outdated: OutdatedRow[] = [];
  const page = (after: bigint): RawBuilder<Omit<OutdatedRow, "form">> => sql`
    select id, ${sql.ref(owner)} as owner, ${sql.ref(spelling)} as spelling, ${sql.ref(form)} as stored from ${sql.table(table)}
    where id > ${after} and ${sql.ref(spelling)} is not null order by id limit ${PAGE}`;
  for (let after = 0n; ; ) {
    const rows = await db.session().rows(page(after));
    for (const row of rows) {
      const now = formOf(row.spelling);
      if (!isSame(now, row.stored)) outdated.push({ ...row, form: now });
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return outdated;
    after = last.id;
  }
};
