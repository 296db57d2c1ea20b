import type { FileRecord } from "../records.ts";
import { answered, anything, type Check, type Expect, flag, ignored, key, listOf, type Rule, text, timeIfSaid } from "../rule.ts";
import type { World } from "../world.ts";

const annotations: Expect = (given) => {
  if (given === null) return [];
  return typeof given === "object" && !Array.isArray(given) ? [given] : listOf(given);
};

const metadata = {
  name: answered("name", text),
  description: answered("description", text),
  version: answered("version", (given) => given ?? "1.0.0"),
  annotations: answered("annotations", annotations),
  tags: answered("tags", (given) => listOf(given)),
  created_at: answered("createTime", timeIfSaid, "create_time"),
  updated_at: answered("updateTime", timeIfSaid, "update_time"),
} as const;

const accountName: Expect = (_, { fields }) => (fields.name || fields.company_name) ?? "";
const ignoredFields = (names: string): Readonly<Record<string, Check>> =>
  Object.fromEntries(names.split(" ").map((name) => [name, ignored]));

const account: Rule = {
  model: "account.account",
  find: async ({ pk }, { idOf, answers }) => {
    const id = idOf("account", pk);
    const answer = id === undefined ? undefined : await answers.account(id);
    return answer === undefined ? undefined : { name: `account ${id}`, answer };
  },
  fields: {
    ...metadata,
    name: answered("name", accountName),
    // Empty, it says nothing beside a name.
    company_name: answered("name", (given) => given || anything),
    account_number: answered("number"),
    is_default_account: answered("isDefault", flag),
    ...ignoredFields("is_active phone_number address1 address2 city state postal_code country"),
  },
};

const userProfile: Rule = {
  model: "account.userprofile",
  find: async ({ fields }, { userOf, idOf, answers }) => {
    const [user, accountId] = [await userOf(fields.user), idOf("account", fields.account)];
    const answer = user === undefined || accountId === undefined ? undefined : await answers.profile(user, accountId);
    return answer === undefined ? undefined : { name: `profile ${user} ${accountId}`, answer };
  },
  fields: { ...metadata, user: key, account: key, profile_image_url: answered("profileImageUrl", text), is_test: answered("isTest", flag) },
};

const fold = (value: unknown): string => String(value).trim().toLowerCase();
const contactName: Expect = (_, { fields }) => [fields.first_name, fields.last_name].filter((part) => part).join(" ");
const findContact = async ({ fields }: FileRecord, { idOf, answers }: World) => {
  const id = idOf("account", fields.account);
  const answer = (id === undefined ? [] : await answers.contacts(id)).find(({ email }) => fold(email) === fold(fields.email));
  return answer === undefined ? undefined : { name: `contact ${id} ${fold(fields.email)}`, answer };
};

const accountContact: Rule = {
  model: "account.accountcontact",
  find: findContact,
  fields: {
    account: key,
    email: answered("email"),
    first_name: answered("name", contactName, "name"),
    last_name: answered("name", contactName, "name"),
    is_primary: answered("isPrimary", flag),
    created_at: answered("createTime", timeIfSaid, "create_time"),
    ...ignoredFields("phone is_test welcomed updated_at"),
  },
};

/** Smarter's accounts, profiles and contacts. */
export const accountRules: readonly Rule[] = [account, userProfile, accountContact];
