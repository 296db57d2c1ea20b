import { type RawBuilder, sql } from "kysely";
import type { FilterColumn, FilterFields, FilterList } from "../filter/fields.ts";
import { canonicalName } from "../names/canonical.ts";
import { linesMatch } from "../users/user-fields.ts";

const values = new Map<string, number>();

const column = (type: FilterColumn["type"], column: string | RawBuilder<boolean>, more: Partial<FilterColumn> = {}): FilterColumn => ({
  type,
  column: typeof column === "string" ? sql.ref(column) : column,
  isNullable: false,
  values,
  ...more,
});

const tags = (name: string): FilterList => ({
  type: "list",
  item: { type: "text", values, fold: canonicalName },
  holds: (tag) => sql`${sql.ref(name)} @> array[${tag}]`,
  isNotEmpty: sql`${sql.ref(name)} <> '{}'`,
  index: true,
});

/** The fields of profiles that filters in CEL can name. */
export const profileFields = {
  id: column("bigint", "user_profile.id", { index: ["equal"] }),
  user_id: column("bigint", "user_profile.user_id", { index: ["equal"] }),
  account_id: column("bigint", "user_profile.account_id", { index: ["equal"] }),
  name: column("text", "user_profile.name", { index: ["equal", "beginning", "part"] }),
  description: column("text", "user_profile.description", { index: ["equal", "part"] }),
  version: column("text", "user_profile.semver"),
  tags: tags("user_profile.tags_canonical"),
  is_test: column("boolean", "user_profile.is_test", { rare: true }),
  create_time: column("timestamptz", "user_profile.create_time"),
  update_time: column("timestamptz", "user_profile.update_time"),
};

/** The `profileFields` in the form that `createConditionReader` takes for filters in CEL. */
export const declaredFields: FilterFields = { declared: new Map(Object.entries(profileFields)), undeclared: new Set() };

/** Looks at the user of one profile after the other: for what many users are. */
const whoseUser = (name: string | RawBuilder<boolean>): FilterColumn =>
  column("boolean", name, {
    via: (condition) => sql`exists (select from users where users.id = user_profile.user_id and ${condition})`,
  });

/**
 * The profiles of users one of whose canonical names matches, of which there are few. The lines of searches (UserSearch)
 * hold every canonical name and have an index; without a line break, which they don't hold, what is in a canonical name is in them.
 */
const canonicalNames = (name: string, userId: RawBuilder<unknown>, table: string): FilterColumn =>
  column("text", name, {
    fold: canonicalName,
    index: ["equal", "part"],
    via: (condition, { isIn }) => isIn(sql`user_profile.user_id`, sql`select ${userId} from ${sql.table(table)} where ${condition}`),
    search: (patterns) => sql`${userId} in (select s.user_id from user_search s where ${linesMatch(patterns)})`,
  });

/** The profiles of accounts, of which there are fewer. */
const ofAccount: Required<Pick<FilterColumn, "via">> = {
  via: (condition, { isIn }) => isIn(sql`user_profile.account_id`, sql`select account.id from account where ${condition}`),
};

const accountTags = tags("account.tags_canonical");

/** The fields of a profile's user that the message `ProfileTerm` of a filter can name, but a filter in CEL can't. */
export const userFields = {
  username: canonicalNames("users.username_canonical", sql`users.id`, "users"),
  userEmail: canonicalNames("user_email.email_canonical", sql`user_email.user_id`, "user_email"),
  userIsActive: whoseUser("users.is_active"),
  userIsStaff: whoseUser("users.is_staff"),
  userIsSuperuser: whoseUser("users.is_superuser"),
  userIsDeleted: whoseUser(sql`(users.delete_time is not null)`),
};

/** The fields of a profile's account that the message `ProfileTerm` of a filter can name, but a filter in CEL can't. */
export const accountFields = {
  accountNumber: column("text", "account.number", { index: ["equal", "beginning", "part"], ...ofAccount }),
  accountName: column("text", "account.name", { index: ["equal", "part"], ...ofAccount }),
  accountTag: {
    ...accountTags,
    isElsewhere: true,
    holds: (tag, place) => ofAccount.via(accountTags.holds(tag, place), place),
  } satisfies FilterList,
  accountIsDefault: column("boolean", "account.is_default", ofAccount),
  accountIsPlatform: column("boolean", "account.is_platform", ofAccount),
};
