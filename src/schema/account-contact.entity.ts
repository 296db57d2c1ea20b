import { defineEntity, p } from "@mikro-orm/core";
import { Account } from "./account.entity.ts";
import { canonical, id, text, timeOfInsert } from "./columns.ts";
import { User } from "./user.entity.ts";

/** Somebody whom an account is reached by. */
export const AccountContact = defineEntity({
  name: "AccountContact",
  tableName: "account_contact",
  properties: {
    id: id(),
    account: () => p.manyToOne(Account).mapToPk(),
    email: text(200),
    emailCanonical: canonical(),
    name: text(200).default(""),
    isPrimary: p.boolean().default(false),
    /** The user that it was made for: it is purged with that user. */
    user: () => p.manyToOne(User).mapToPk().nullable(),
    createTime: timeOfInsert(),
  },
  uniques: [
    { name: "account_contact_email_key", properties: ["account", "emailCanonical"] },
    {
      name: "account_contact_primary_key",
      expression: "create unique index account_contact_primary_key on account_contact (account_id) where is_primary",
    },
  ],
  indexes: [
    {
      name: "account_contact_user_index",
      expression: "create index account_contact_user_index on account_contact (user_id) where user_id is not null",
    },
  ],
  checks: [{ name: "account_contact_not_empty", expression: "email <> '' and email_canonical <> ''" }],
});
