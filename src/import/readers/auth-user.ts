import { Unfit } from "../fault.ts";
import { bool, nullAs, nullable, optional, text, time } from "../fields.ts";
import { defineReader } from "../reader.ts";
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
};

/** `auth.user`: the accounts of Django itself. */
export const authUser = defineReader({
  model: "auth.user",
  into: users,
  fields,
  row: ({ username, email, first_name, last_name, ...columns }) => ({
    ...columns,
    ...identity(username, email),
    ...named(fullName(first_name, last_name)),
  }),
});
