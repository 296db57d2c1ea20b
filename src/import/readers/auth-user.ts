import { Unfit } from "../fault.ts";
import { bool, nullAs, nullable, optional, text, time, trimmed } from "../fields.ts";
import { defineReader, type Links } from "../reader.ts";
import { groupReference, members, permissionReference } from "./auth-references.ts";
import { permissions } from "./sentry-userpermission.ts";
import { roleMembers } from "./sentry-userroleuser.ts";
import { identity, named, password, users } from "./user-staging.ts";

const MAX_NAME = 200;

/** First and last name; undefined when the record has neither. */
export const fullName = (first: string | undefined, last: string | undefined): string | undefined => {
  if (first === undefined && last === undefined) return undefined;
  const name = [first, last].filter((part) => part !== undefined && part !== "").join(" ");
  if ([...name].length > MAX_NAME) throw new Unfit(`its name is longer than ${MAX_NAME} characters`);
  return name;
};

/** A name, or a part of one. */
export const namePart = optional(nullAs("", text(MAX_NAME)));

/** The fields of Django's own users, which most models of a project's own have too. */
export const authUserFields = {
  username: optional(nullable(text(200))),
  first_name: namePart,
  last_name: namePart,
  email: optional(nullAs("", trimmed(200))),
  password: optional(nullAs("", password)),
  is_active: optional(bool),
  is_staff: optional(bool),
  is_superuser: optional(bool),
  date_joined: optional(nullAs(undefined, time)),
  last_login: optional(nullable(time)),
  groups: members,
  user_permissions: members,
};

type Linked = { readonly groups: readonly unknown[] | undefined; readonly user_permissions: readonly unknown[] | undefined };

/** Lists the many-to-many fields of a model of users: its groups and its permissions. */
export const userLinks = (model: string): readonly Links<Linked>[] => [
  {
    model: `${model}.groups`,
    into: roleMembers,
    of: ({ groups }) => groups ?? [],
    row: (pk, member) => ({ user_pk: pk, parent_model: "auth.group", ...groupReference(member), create_time: undefined }),
  },
  {
    model: `${model}.user_permissions`,
    into: permissions,
    of: ({ user_permissions }) => user_permissions ?? [],
    row: (pk, member) => ({ user_pk: pk, ...permissionReference(member) }),
  },
];

/** `auth.user`: the accounts of Django itself. */
export const authUser = defineReader({
  model: "auth.user",
  becomes: "a user; the name is first and last name",
  into: users,
  isKnownByName: true,
  fields: authUserFields,
  row: ({ username, email, first_name, last_name, groups: _, user_permissions: __, ...columns }, ___, note) => ({
    ...columns,
    ...identity(username, email, note),
    ...named(fullName(first_name, last_name)),
  }),
  links: userLinks("auth.user"),
});
