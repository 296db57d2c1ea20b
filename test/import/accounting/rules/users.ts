import { createHash } from "node:crypto";
import { sql } from "kysely";
import type { FileRecord } from "../records.ts";
import {
  answered,
  anything,
  type Check,
  type Expect,
  type Found,
  flag,
  key,
  type Rule,
  stored,
  text,
  time,
  timeIfSaid,
  timeOf,
  value,
} from "../rule.ts";
import type { World } from "../world.ts";

/** The user that a record has become. */
export const findUser = async ({ pk }: FileRecord, { idOf, answers }: World): Promise<Found | undefined> => {
  const id = idOf("user", pk);
  const answer = id === undefined ? undefined : await answers.user(id);
  if (id === undefined || answer === undefined) return undefined;
  return { name: `user ${id}`, answer, row: () => answers.row(sql`select * from users where id = ${id}`) };
};

const bare = (value: unknown): string => String(value ?? "").trim();
const fold = (value: unknown): string => bare(value).toLowerCase();
/** A blank one is the address. */
const username: Expect = (value, { fields }) => (bare(value) === "" || bare(value) === bare(fields.email) ? bare(fields.email) : value);
const isUsable: Expect = (value) => value !== null && value !== "" && !String(value).startsWith("!");
const avatar = (type: unknown) => ["AVATAR_TYPE_LETTER", "AVATAR_TYPE_UPLOAD", "AVATAR_TYPE_GRAVATAR"][Number(type)];

/** Django's own fields, which every model of users has. */
export const djangoFields = {
  username: answered("username", username),
  email: answered("email", text),
  password: [answered("hasUsablePassword", isUsable), stored("password", "no RPC answers a hash: it is compared where it lies", text)],
  is_active: answered("isActive"),
  is_staff: answered("isStaff"),
  is_superuser: answered("isSuperuser"),
  date_joined: answered("dateJoined", timeIfSaid),
  last_login: answered("lastLogin", time),
} as const;

const sentryUser: Rule = {
  model: "sentry.user",
  find: findUser,
  fields: {
    ...djangoFields,
    name: answered("name", text),
    is_managed: answered("isManaged"),
    is_unclaimed: answered("isUnclaimed"),
    is_suspended: answered("isSuspended"),
    is_sentry_app: answered("isApp", flag, "is_app"),
    is_password_expired: answered("isPasswordExpired"),
    last_password_change: answered("lastPasswordChange", time),
    flags: [
      answered("newsletterConsentPrompt", (value) => Boolean(BigInt(String(value ?? 0)) & 1n)),
      stored("flags", "no RPC answers the other bits", (value) => String(value ?? 0)),
    ],
    session_nonce: stored("session_nonce", "it is a secret that no RPC answers"),
    last_active: answered("lastActive", time),
    avatar_type: answered("avatar.type", avatar),
    avatar_url: answered("avatar.url", text),
  },
};

/** The address that a record has become. */
export const findEmail = async ({ fields }: FileRecord, { userOf, answers }: World): Promise<Found | undefined> => {
  const id = await userOf(fields.user);
  const answer = id === undefined ? undefined : (await answers.emails(id)).find(({ email }) => fold(email) === fold(fields.email));
  if (answer === undefined) return undefined;
  const row = () =>
    answers.row(
      sql`select *, encode(verification_hash, 'hex') as verification_hash, exists (select from organization_member m
          where m.email_canonical = e.email_canonical and coalesce(m.invite_expire_time > now(), true)) as is_invited
        from user_email e where user_id = ${id} and email = ${answer.email}`,
    );
  return { name: `email ${id} ${fold(fields.email)}`, answer, row };
};

/** An address that is verified is nobody's invitation any more. */
export const emailVerified = (expect: Expect = (value) => value): readonly Check[] => [
  answered("isVerified", expect),
  stored("is_invited", "no RPC finds invitations by their address", (value) => (value === true ? false : anything)),
];

const sha256 = (value: unknown): string => createHash("sha256").update(String(value)).digest("hex");

const sentryUserEmail: Rule = {
  model: "sentry.useremail",
  find: findEmail,
  fields: {
    user: key,
    email: answered("email", text),
    is_verified: emailVerified(),
    validation_hash: stored("verification_hash", "only its hash is kept, and no RPC answers that", (value) =>
      value ? sha256(value) : null,
    ),
    date_hash_added: [
      answered("dateAdded", timeIfSaid),
      stored("verification_hash_time", "no RPC answers it", (value, { fields }) => (fields.validation_hash ? timeOf(value) : null)),
    ],
  },
};

const accountEmailAddress: Rule = {
  model: "account.emailaddress",
  find: findEmail,
  fields: {
    user: key,
    email: answered("email", text),
    verified: emailVerified(),
    primary: answered("isPrimary", (value, { fields }, { recordOf }) => {
      const user = recordOf(["auth.user", "users.user"], fields.user);
      return value === true || fold(user?.fields.email) === fold(fields.email);
    }),
  },
};

const sentryUserIp: Rule = {
  model: "sentry.userip",
  find: async ({ fields }, { userOf, answers }) => {
    const id = await userOf(fields.user);
    const row =
      id === undefined
        ? undefined
        : await answers.row(sql`select * from user_ip where user_id = ${id} and ip::inet = ${fields.ip_address}::inet`);
    return row === undefined ? undefined : { name: `ip ${id} ${String(row.ip)}`, answer: {}, row: () => Promise.resolve(row) };
  },
  fields: {
    user: key,
    ip_address: key,
    ...Object.fromEntries(
      ["country_code", "region_code", "first_seen", "last_seen"].map((name) => [
        name,
        stored(name, "no RPC answers where users came from", name.endsWith("_seen") ? timeIfSaid : undefined),
      ]),
    ),
  },
};

const sentryUserPermission: Rule = {
  model: "sentry.userpermission",
  find: async ({ fields }, { userOf, answers }) => {
    const id = await userOf(fields.user);
    const answer = id === undefined ? undefined : await answers.user(id);
    const row = await answers.row(
      sql`select permission from user_permission where user_id = ${id ?? 0} and permission = ${fields.permission}`,
    );
    if (answer === undefined || row === undefined || !(answer.permissions as unknown[]).includes(fields.permission)) return undefined;
    return { name: `permission ${id} ${String(fields.permission)}`, answer };
  },
  fields: { user: key, permission: key },
};

const sentryAuthenticator: Rule = {
  model: "sentry.authenticator",
  find: async ({ fields }, { userOf, answers }) => {
    const id = await userOf(fields.user);
    const type = `AUTHENTICATOR_TYPE_${["RECOVERY_CODES", "TOTP", "SMS", "U2F"][Number(fields.type)]}`;
    const answer = id === undefined ? undefined : (await answers.authenticators(id)).find((one) => one.type === type);
    return answer === undefined ? undefined : { name: `authenticator ${id} ${type}`, answer };
  },
  fields: {
    user: key,
    type: key,
    config: answered("config", value),
    created_at: answered("createTime", timeIfSaid, "create_time"),
    last_used_at: answered("lastUsedTime", time, "last_used_time"),
  },
};

/** Users, and what belongs to them alone. */
export const userRules: readonly Rule[] = [
  sentryUser,
  sentryUserEmail,
  accountEmailAddress,
  sentryUserIp,
  sentryUserPermission,
  sentryAuthenticator,
];
