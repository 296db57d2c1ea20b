import { OWN_MODEL } from "../../../../src/import/formats/own-line.ts";
import { OWN_EMAILS } from "../records.ts";
import { answered, anything, type Expect, ignored, key, type Rule, stored, text, time } from "../rule.ts";
import type { World } from "../world.ts";
import { djangoFields, emailVerified, findEmail, findUser } from "./users.ts";

/** A line without an id is known by its name. */
const idOfLine = async (pk: string | undefined, username: unknown, { idOf, answers }: World) =>
  pk === undefined ? answers.userNamed(String(username)) : idOf("user", pk);

/** JSON of protobuf has no way to say that a flag of these is off. */
const ifSet: Expect = (value) => value || anything;

/** Documented in the contract as ignored. */
const outputOnly = Object.fromEntries(
  "hasUsablePassword has2fa displayName label salutation permissions roleNames etag deleteTime purgeTime mergedIntoUserId"
    .split(" ")
    .map((name) => [name, ignored]),
);

const line: Rule = {
  model: OWN_MODEL,
  find: async (record, world) => {
    const id = await idOfLine(record.pk, record.fields.username, world);
    return id === undefined ? undefined : findUser({ ...record, pk: id }, { ...world, idOf: (_, pk) => String(pk) });
  },
  fields: {
    ...outputOnly,
    id: key,
    username: djangoFields.username,
    name: answered("name", text),
    email: answered("email", text),
    isActive: answered("isActive"),
    isStaff: answered("isStaff"),
    isSuperuser: answered("isSuperuser"),
    isManaged: answered("isManaged"),
    isUnclaimed: answered("isUnclaimed"),
    isSuspended: answered("isSuspended", ifSet),
    isApp: answered("isApp"),
    isPasswordExpired: answered("isPasswordExpired"),
    dateJoined: answered("dateJoined", time, "date_joined"),
    lastLogin: answered("lastLogin", time, "last_login"),
    lastActive: answered("lastActive", time, "last_active"),
    lastPasswordChange: answered("lastPasswordChange", time, "last_password_change"),
    avatar: answered("avatar"),
    newsletterConsentPrompt: answered("newsletterConsentPrompt"),
    externalId: answered("externalId", text, "external_id"),
    passwordHash: [
      answered("hasUsablePassword", (hash) => !(hash === "" || String(hash).startsWith("!"))),
      stored("password", "no RPC answers a hash: it is compared where it lies", (hash) => (String(hash).startsWith("!") ? anything : hash)),
    ],
    // Each is a record of its own.
    emails: key,
  },
};

const address: Rule = {
  model: OWN_EMAILS,
  find: async (record, world) => {
    const id = await idOfLine(record.fields.user as string | undefined, record.fields.username, world);
    return id === undefined
      ? undefined
      : findEmail({ ...record, fields: { ...record.fields, user: id } }, { ...world, userOf: async (user) => String(user) });
  },
  fields: {
    user: key,
    username: key,
    email: answered("email"),
    isVerified: emailVerified(ifSet),
    isPrimary: key,
    dateAdded: answered("dateAdded", time, "date_added"),
  },
};

/** The messages of ImportUsers. */
export const ownLineRules: readonly Rule[] = [line, address];
