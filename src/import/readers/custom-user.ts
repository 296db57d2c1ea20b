import { bool, type Note, nullAs, optional, time } from "../fields.ts";
import { defineReader, type Reader } from "../reader.ts";
import { authUserFields, fullName, namePart, userLinks } from "./auth-user.ts";
import { identity, named, users } from "./user-staging.ts";

const MODEL = /^[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*$/;

/** Tells whether a text has the form of a model's name in Django, such as `users.user`. */
export const isModelName = (model: string): boolean => MODEL.test(model);

/** Tells whether a record has the fields of a user: `password`, `last_login`, and `username` or `email`. */
export const looksLikeUser = (fields: object): boolean =>
  "password" in fields && "last_login" in fields && ("username" in fields || "email" in fields);

const moment = optional(nullAs(undefined, time));
const flag = optional(nullAs(undefined, bool));

const fields = {
  ...authUserFields,
  name: namePart,
  full_name: namePart,
  is_active: flag,
  is_staff: flag,
  is_superuser: flag,
  // The example of Django's documentation has this one instead of is_staff.
  is_admin: flag,
  // Other names of date_joined.
  date_created: moment,
  created_at: moment,
  created: moment,
};

/** Returns the first of several fields for one thing that has a value (`isSaid`). Fields with another value are noted. */
const firstOf = <T>(among: Readonly<Record<string, T>>, note: Note, isSaid = (value: T): boolean => value !== undefined): T | undefined => {
  const said = Object.entries(among).filter(([, value]) => isSaid(value));
  const [first] = said;
  for (const [name, value] of said)
    if (first !== undefined && value !== first[1]) note(`${name} left out: ${first[0]} says something else`);
  return first?.[1];
};

const isFilled = (value: string | undefined): boolean => value !== undefined && value !== "";

/** Makes the import reader of `model`, a Django project's own user model. A user without a username gets the address as username. */
export const customUser = (model: string): Reader =>
  defineReader({
    model,
    becomes: "a user; the name is its `name`, else `full_name`, else first and last name",
    into: users,
    isKnownByName: true,
    fields,
    row: (values, _, note) => {
      const { is_staff, is_admin, date_joined, date_created, created_at, created, name, full_name } = values;
      const parts = fullName(values.first_name, values.last_name);
      return {
        password: values.password,
        is_active: values.is_active,
        is_staff: firstOf({ is_staff, is_admin }, note),
        is_superuser: values.is_superuser,
        date_joined: firstOf({ date_joined, date_created, created_at, created }, note),
        last_login: values.last_login,
        ...identity(values.username, values.email, note),
        ...named(firstOf({ name, full_name, "first_name and last_name": parts }, note, isFilled) ?? parts),
      };
    },
    links: userLinks(model),
  });
