import { Unfit } from "../fault.ts";
import { bool, type Field, key, nullAs, optional, text, userReference } from "../fields.ts";
import { defineReader } from "../reader.ts";
import { metadataFields, metadataRow, profiles } from "./account-staging.ts";

const url: Field<string> = (value) => {
  const read = text(2048)(value);
  if (read !== "" && !URL.canParse(read)) throw new Unfit("is no absolute URL");
  return read;
};

const fields = {
  ...metadataFields,
  user: userReference,
  account: key,
  profile_image_url: optional(nullAs("", url)),
  is_test: optional(nullAs(false, bool)),
};

/** The import reader of `account.userprofile` records, which hold the profiles of Smarter, a Django application. */
export const accountUserProfile = defineReader({
  model: "account.userprofile",
  becomes: "a profile of a user in an account; its user becomes a contact of that",
  into: profiles,
  fields,
  row: ({ user, account, profile_image_url, is_test, ...metadata }) => ({
    ...metadataRow(metadata),
    ...user,
    account_pk: account,
    profile_image_url,
    is_test,
  }),
});
