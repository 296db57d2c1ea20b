import { Unfit } from "../fault.ts";
import { bool, nullAs, nullable, optional, text, time, trimmed } from "../fields.ts";
import { defineReader, type Links } from "../reader.ts";
import { groupReference, members, permissionReference } from "./auth-references.ts";
import { permissions } from "./sentry-userpermission.ts";
import { roleMembers } from "./sentry-userroleuser.ts";
import { identity, named, password, users } from "./user-staging.ts";

const MAX_NAME = 200;

/** Joins a first and a last name with a space; returns undefined if both are missing. Throws Unfit for more than 200 characters. */
export const fullName = (first: string | undefined, last: string | undefined): string | undefined => {
  if (first === undefined && last === undefined) return undefined;
  const name = [first, last].filter((part) => part !== undefined && part !== "").join(" ");
  if ([...name].length > MAX_NAME) throw new Unfit(`its name is longer than ${MAX_NAME} characters`);
  return name;
};

/** Reads a field with a name, or with a part of a name, of at most 200 characters. The field may be absent; null is read as empty text. */
export const namePart = optional(nullAs("", text(MAX_NAME)));

/** Maps each field of Django's own user model to the function (`Field`) that reads it. Most other user models have the same fields. */
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

/** Returns the descriptions (`Links`) of the two many-to-many fields of a user model: `groups` and `user_permissions`. */
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

/** The import reader of `auth.user` records, which hold the users of Django's own user model. */
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
