import { sql } from "kysely";
import type { FileRecord } from "../records.ts";
import {
  answered,
  type Expect,
  type Found,
  flag,
  ignored,
  integer,
  key,
  listOf,
  type Rule,
  stored,
  text,
  time,
  timeIfSaid,
  value,
} from "../rule.ts";
import type { World } from "../world.ts";
import { referenceOf } from "./options.ts";

const sorted: Expect = (given) => [...new Set(listOf(given))].sort();
const created = answered("dateAdded", timeIfSaid, "create_time");

const userRole: Rule = {
  model: "sentry.userrole",
  find: async ({ fields }, { answers }) => {
    const answer = (await answers.roles()).find(({ name }) => name === fields.name);
    return answer === undefined
      ? undefined
      : { name: `role ${String(fields.name)}`, answer: { ...answer, permissions: [...(answer.permissions as string[])].sort() } };
  },
  fields: {
    name: key,
    permissions: answered("permissions", sorted),
    date_added: answered("createTime", timeIfSaid, "create_time"),
    date_updated: answered("updateTime", timeIfSaid, "update_time"),
  },
};

const userRoleUser: Rule = {
  model: "sentry.userroleuser",
  find: async ({ fields }, { userOf, recordOf, answers }) => {
    const id = await userOf(fields.user);
    const role = recordOf(["sentry.userrole"], fields.role)?.fields.name;
    const answer = id === undefined ? undefined : await answers.user(id);
    if (answer === undefined || !(answer.roleNames as unknown[]).includes(role)) return undefined;
    const row = () =>
      answers.row(
        sql`select m.create_time from role_member m join role r on r.id = m.role_id where r.name = ${role} and m.user_id = ${id}`,
      );
    return { name: `role ${String(role)} of ${id}`, answer, row };
  },
  fields: { user: key, role: key, date_added: stored("create_time", "no RPC answers since when", timeIfSaid), date_updated: ignored },
};

const findProvider = async (type: unknown, externalId: unknown, { answers }: World): Promise<Found | undefined> => {
  const answer = (await answers.identityProviders()).find((one) => one.type === type && one.externalId === (externalId ?? ""));
  return answer === undefined ? undefined : { name: `provider ${String(type)} ${String(externalId)}`, answer };
};

const identityProvider: Rule = {
  model: "sentry.identityprovider",
  find: ({ fields }, world) => findProvider(fields.type, fields.external_id, world),
  fields: { type: key, external_id: key, config: answered("config", value), date_added: created },
};

const findIdentity = async (reference: unknown, externalId: unknown, provider: Found | undefined, { userOf, answers }: World) => {
  const id = await userOf(reference);
  const answer = (id === undefined ? [] : await answers.identities(id)).find(
    (one) => one.externalId === externalId && one.providerId === provider?.answer.id,
  );
  return answer === undefined ? undefined : { name: `identity ${id} ${String(externalId)}`, answer };
};

const identity: Rule = {
  model: "sentry.identity",
  find: async ({ fields }, world) => {
    const record = world.recordOf(["sentry.identityprovider"], fields.idp);
    const provider = record === undefined ? undefined : await identityProvider.find(record, world);
    return findIdentity(fields.user, fields.external_id, provider, world);
  },
  fields: {
    user: key,
    idp: key,
    external_id: key,
    data: answered("data", value),
    date_added: created,
    date_verified: answered("dateVerified", timeIfSaid, "verify_time"),
    scopes: answered("scopes", (given) => listOf(given)),
    status: answered("status", (given) => `IDENTITY_STATUS_${["UNSPECIFIED", "VALID", "INVALID"][Number(given ?? 0)]}`),
  },
};

const socialApp: Rule = {
  model: "socialaccount.socialapp",
  find: ({ fields }, world) => findProvider(fields.provider, fields.provider_id, world),
  fields: {
    provider: key,
    provider_id: key,
    name: answered("config.name", text, "config"),
    client_id: answered("config.client_id", text, "config"),
    secret: ignored,
    key: ignored,
    settings: ignored,
    sites: ignored,
  },
};

/** allauth names a provider by its own id, or else by its type. */
const providerNamed = async (name: unknown, world: World): Promise<Found | undefined> => {
  const app = world.file.find(({ model, fields }) => model === "socialaccount.socialapp" && fields.provider_id === name);
  return app === undefined ? findProvider(name, "", world) : socialApp.find(app, world);
};

const socialAccount: Rule = {
  model: "socialaccount.socialaccount",
  find: async ({ fields }, world) => findIdentity(fields.user, fields.uid, await providerNamed(fields.provider, world), world),
  fields: {
    user: key,
    provider: key,
    uid: key,
    last_login: answered("dateVerified", timeIfSaid, "verify_time"),
    date_joined: answered("dateAdded", timeIfSaid, "create_time"),
    extra_data: answered("data", value),
  },
};

const findAuthProvider = async ({ fields }: FileRecord, world: World): Promise<Found | undefined> => {
  const id = referenceOf(fields, "organization", world);
  const answer = (await world.answers.authProviders()).find(({ organizationId }) => organizationId === id);
  if (answer === undefined) return undefined;
  return {
    name: `auth provider ${id}`,
    answer,
    row: () => world.answers.row(sql`select * from auth_provider where organization_id = ${id}`),
  };
};

const authProvider: Rule = {
  model: "sentry.authprovider",
  find: findAuthProvider,
  fields: {
    organization: key,
    organization_id: key,
    provider: answered("provider"),
    config: answered("config", value),
    date_added: created,
    default_role: answered("defaultRole"),
    default_global_access: answered("defaultGlobalAccess", flag),
    flags: stored("flags", "no RPC answers the bits without a field", integer),
    default_teams: ignored,
    last_sync: ignored,
    sync_time: ignored,
  },
};

const authIdentity: Rule = {
  model: "sentry.authidentity",
  find: async ({ fields }, world) => {
    const record = world.recordOf(["sentry.authprovider"], fields.auth_provider);
    const provider = record === undefined ? undefined : await findAuthProvider(record, world);
    const id = await world.userOf(fields.user);
    if (provider === undefined || id === undefined) return undefined;
    const answer = (await world.answers.authIdentities(String(provider.answer.organizationId))).find(
      (one) => one.userId === id && one.externalId === fields.ident,
    );
    return answer === undefined ? undefined : { name: `auth identity ${id} ${String(fields.ident)}`, answer };
  },
  fields: {
    user: key,
    auth_provider: key,
    ident: key,
    data: answered("data", value),
    date_added: created,
    last_verified: answered("lastVerified", timeIfSaid, "verify_time"),
    last_synced: answered("lastSynced", time, "sync_time"),
  },
};

/** Roles, providers, and who is linked to them. */
export const linkRules: readonly Rule[] = [
  userRole,
  userRoleUser,
  identityProvider,
  identity,
  socialApp,
  socialAccount,
  authProvider,
  authIdentity,
];
