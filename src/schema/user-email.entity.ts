import { defineEntity, p } from "@mikro-orm/core";
import { canonical, id, text, time, timeOfInsert } from "./columns.ts";
import { User } from "./user.entity.ts";

/** An address of a user. The primary one is the one that equals `users.email`. */
export const UserEmail = defineEntity({
  name: "UserEmail",
  tableName: "user_email",
  properties: {
    id: id(),
    user: () => p.manyToOne(User).mapToPk(),
    email: text(200),
    emailCanonical: canonical(),
    isVerified: p.boolean().default(false),
    dateAdded: timeOfInsert(),
    /** SHA-256 of the last verification token; the token itself is never stored. */
    verificationHash: p.blob().nullable(),
    verificationHashTime: time().nullable(),
  },
  uniques: [
    { name: "user_email_user_key", properties: ["user", "emailCanonical"] },
    {
      name: "user_email_verified_key",
      expression: "create unique index user_email_verified_key on user_email (email_canonical) where is_verified",
    },
    {
      name: "user_email_verification_key",
      expression: "create unique index user_email_verification_key on user_email (verification_hash) where verification_hash is not null",
    },
  ],
  // Only ever compared for equality: a hash looks at two buffers where a tree of a million looks at four.
  indexes: [
    { name: "user_email_address_index", expression: "create index user_email_address_index on user_email using hash (email_canonical)" },
  ],
  checks: [{ name: "user_email_not_empty", expression: "email <> '' and email_canonical <> ''" }],
});
