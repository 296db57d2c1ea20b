import { Unfit } from "../fault.ts";
import { bool, nullAs, nullable, optional, text, time } from "../fields.ts";
import { defineReader } from "../reader.ts";
import { groupReference, members, permissionReference } from "./auth-references.ts";
import { permissions } from "./sentry-userpermission.ts";
import { roleMembers } from "./sentry-userroleuser.ts";
import { identity, named, users } from "./user-staging.ts";

const MAX_NAME = 200;

const fullName = (first: string | undefined, last: string | undefined): string | undefined => {
  if (first === undefined && last === undefined) return undefined;
  const name = [first, last].filter((part) => part !== undefined && part !== "").join(" ");
  if ([...name].length > MAX_NAME) throw new Unfit(`its name is longer than ${MAX_NAME} characters`);
  return name;
};

const fields = {
  username: optional(nullable(text(200))),
  first_name: optional(nullAs("", text(MAX_NAME))),
  last_name: optional(nullAs("", text(MAX_NAME))),
  email: optional(nullAs("", text(200))),
  password: optional(nullAs("", text(10_000))),
  is_active: optional(bool),
  is_staff: optional(bool),
  is_superuser: optional(bool),
  date_joined: optional(nullAs(undefined, time)),
  last_login: optional(nullable(time)),
  groups: members,
  user_permissions: members,
};

/** `auth.user`: the accounts of Django itself. */
export const authUser = defineReader({
  model: "auth.user",
  becomes: "a user; the name is first and last name",
  into: users,
  fields,
  row: ({ username, email, first_name, last_name, groups: _, user_permissions: __, ...columns }) => ({
    ...columns,
    ...identity(username, email),
    ...named(fullName(first_name, last_name)),
  }),
  links: [
    {
      model: "auth.user.groups",
      into: roleMembers,
      of: ({ groups }) => groups ?? [],
      row: (pk, member) => ({ user_pk: pk, parent_model: "auth.group", ...groupReference(member), create_time: undefined }),
    },
    {
      model: "auth.user.user_permissions",
      into: permissions,
      of: ({ user_permissions }) => user_permissions ?? [],
      row: (pk, member) => ({ user_pk: pk, ...permissionReference(member) }),
    },
  ],
});
