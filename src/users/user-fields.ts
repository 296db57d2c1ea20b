import { type RawBuilder, sql } from "kysely";
import type { FilterColumn, FilterFields, FilterList } from "../filter/fields.ts";
import { type Beyond, inArray } from "../filter/tree.ts";
import { canonicalName } from "../names/canonical.ts";

const values = new Map<string, number>();
const id = sql`users.id`;

const column = (type: FilterColumn["type"], name: string, more: Partial<FilterColumn> = {}): FilterColumn => ({
  type,
  column: sql.ref(name),
  isNullable: false,
  values,
  ...more,
});

const flag = (name: string, rare?: boolean): FilterColumn => column("boolean", `users.${name}`, rare === undefined ? {} : { rare });

/** Makes the SQL condition that the search lines in the row `s` of user_search match one of the given patterns of LIKE. */
export const linesMatch = (patterns: readonly string[]): RawBuilder<boolean> =>
  sql`(${sql.join(
    patterns.map((pattern) => sql`s.lines like ${pattern}`),
    sql` or `,
  )})`;

/** A text that is one of the lines of searches (UserSearch), and is compared as these are. */
const line: Pick<FilterColumn, "fold" | "search"> = {
  fold: canonicalName,
  search: (patterns, { isIn, beyond }) =>
    isIn(id, sql`select s.user_id from user_search s where ${linesMatch(patterns)} and ${beyond(sql`s.user_id`)}`),
};

const activity = (name: string): FilterColumn =>
  column("timestamptz", `a.${name}`, {
    isNullable: true,
    isLookedUp: true,
    via: (condition, { beyond }) => sql`exists (
      select from user_activity a where a.user_id = users.id and ${condition} and ${beyond(sql`a.user_id`)})`,
  });

const listOf = (holds: FilterList["holds"], isNotEmpty: FilterList["isNotEmpty"], fold?: (text: string) => string): FilterList => ({
  type: "list",
  item: { type: "text", values, ...(fold && { fold }) },
  holds,
  isNotEmpty,
  index: true,
  isElsewhere: true,
});

/** The users with a role. The planner does not know whether few have it or many; the order keeps it to the index of roles. */
const membersOf = (roleId: RawBuilder<unknown>, beyond: Beyond) =>
  sql`(select m.user_id from role_member m where m.role_id = ${roleId} and ${beyond(sql`m.user_id`)} order by m.user_id)`;

/** The fields of users that a filter in CEL can name; passwords and nonces are not among them. */
export const userFields = {
  id: column("bigint", "users.id", { index: ["equal"] }),
  username: column("text", "users.username_canonical", { index: ["equal", "beginning", "part"], ...line }),
  name: column("text", "users.name_canonical", { index: ["part"], ...line }),
  email: column("text", "e.email_canonical", {
    isNullable: true,
    index: ["equal", "part"],
    ...line,
    search: (patterns) => sql`e.user_id in (select s.user_id from user_search s where ${linesMatch(patterns)})`,
    via: (condition, { isIn, beyond }) =>
      isIn(
        id,
        sql`select e.user_id from user_email e join users u on u.id = e.user_id and u.email = e.email
          where ${condition} and ${beyond(sql`e.user_id`)}`,
      ),
  }),
  external_id: column("text", "users.external_id", { isNullable: true, index: ["equal", "beginning"] }),
  is_active: flag("is_active", false),
  is_staff: flag("is_staff", true),
  is_superuser: flag("is_superuser", true),
  is_managed: flag("is_managed"),
  is_unclaimed: flag("is_unclaimed", true),
  is_suspended: flag("is_suspended", true),
  is_app: flag("is_app", true),
  is_password_expired: flag("is_password_expired"),
  date_joined: column("timestamptz", "users.date_joined", { index: ["equal"] }),
  last_login: activity("last_login"),
  last_active: activity("last_active"),
  last_password_change: column("timestamptz", "users.last_password_change", { isNullable: true }),
  delete_time: column("timestamptz", "users.delete_time", { isNullable: true }),
  emails: listOf(
    (email, { isIn, beyond }) =>
      isIn(id, sql`select e.user_id from user_email e where e.email_canonical = ${email} and ${beyond(sql`e.user_id`)}`),
    sql`exists (select from user_email e where e.user_id = users.id)`,
    canonicalName,
  ),
  permissions: listOf(
    (permission, { isIn, beyond }) =>
      isIn(
        id,
        sql`select p.user_id from user_permission p where p.permission = ${permission} and ${beyond(sql`p.user_id`)}
          union all
          select m.user_id from role_permission p cross join lateral ${membersOf(sql`p.role_id`, beyond)} m
            where p.permission = ${permission}`,
      ),
    sql`(exists (select from user_permission p where p.user_id = users.id) or exists (
      select from role_member m join role_permission p on p.role_id = m.role_id where m.user_id = users.id))`,
  ),
  role_names: listOf(
    // The query runs first: for a role that few users have, a walk over all users would be far worse.
    (name, { beyond }) =>
      inArray(id, sql`select m.user_id from role r cross join lateral ${membersOf(sql`r.id`, beyond)} m where r.name = ${name}`),
    sql`exists (select from role_member m where m.user_id = users.id)`,
  ),
} satisfies Record<string, FilterColumn | FilterList>;

/** The `userFields` as an argument for `createConditionReader`, which parses filters in CEL. */
export const declaredFields: FilterFields = { declared: new Map(Object.entries(userFields)), undeclared: new Set() };
