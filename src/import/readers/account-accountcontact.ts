import { canonicalName } from "../../names/canonical.ts";
import { Unfit } from "../fault.ts";
import { bool, type Field, key, nullAs, optional, time, trimmed } from "../fields.ts";
import { defineReader } from "../reader.ts";
import { accountContacts } from "./account-staging.ts";
import { fullName, namePart } from "./auth-user.ts";

const address: Field<string> = (value, note) => {
  const read = trimmed(200)(value, note);
  if (!/^[^@\s\0]+@[^@\s\0]+$/.test(read)) throw new Unfit("is no address");
  return read;
};

const fields = {
  account: key,
  email: address,
  first_name: namePart,
  last_name: namePart,
  is_primary: optional(nullAs(false, bool)),
  created_at: optional(nullAs(undefined, time)),
};

/** The import reader of `account.accountcontact` records, which hold the contacts of the accounts of Smarter, a Django application. */
export const accountAccountContact = defineReader({
  model: "account.accountcontact",
  becomes: "a contact of an account; the name is first and last name",
  into: accountContacts,
  fields,
  notHeld: {
    phone: "a contact is an address here",
    is_test: "a contact is not told from others that are for tests",
    welcomed: "userd sends no mail",
    updated_at: "a contact has one date here: when it was added",
  },
  row: ({ account, email, first_name, last_name, is_primary, created_at }) => ({
    account_pk: account,
    email,
    email_canonical: canonicalName(email),
    name: fullName(first_name, last_name),
    is_primary,
    create_time: created_at,
  }),
});
