import { bool, matching, nullAs, optional, text } from "../fields.ts";
import { defineReader } from "../reader.ts";
import { accounts, metadataFields, metadataRow } from "./account-staging.ts";

const fields = {
  ...metadataFields,
  account_number: matching(32, /^[0-9]{4}-[0-9]{4}-[0-9]{4}$/, "is not of the form 1234-5678-9012"),
  company_name: optional(nullAs("", text(255))),
  is_default_account: optional(nullAs(false, bool)),
};

/** The import reader of `account.account` records, which hold the accounts of Smarter, a Django application. */
export const accountAccount = defineReader({
  model: "account.account",
  becomes: "an account with its number; its name is the company's, unless it has one of its own",
  into: accounts,
  fields,
  notHeld: {
    is_active: "an account is not switched off here; its users are",
    phone_number: "userd holds no addresses and phone numbers of accounts",
    address1: "the same",
    address2: "the same",
    city: "the same",
    state: "the same",
    postal_code: "the same",
    country: "the same",
  },
  row: ({ account_number, company_name, is_default_account, name, ...metadata }, _, note) => {
    if (name && company_name && name !== company_name) note("company_name is left out: the account has another name of its own");
    return {
      ...metadataRow({ ...metadata, name: name === undefined || name === "" ? (company_name ?? name) : name }),
      number: account_number,
      is_default: is_default_account,
    };
  },
});
