import type { Registry as MetricsRegistry } from "prom-client";
import { createAccessAccounts, createAccessUsers } from "./access/access.lookup.ts";
import { type Access, createAccess } from "./access/access.ts";
import { createOwners, type Owners } from "./access/owners.ts";
import type { Cache } from "./cache/cache.ts";
import { createFreshness, type Freshness } from "./cache/freshness.ts";
import { createConsistencyTokens } from "./cache/token.ts";
import type { Config, Quotas } from "./config.ts";
import { createPasswords, type Passwords } from "./credentials/passwords.ts";
import { createIdempotency } from "./db/idempotency.ts";
import type { OwnedDatabase } from "./db/open.ts";
import type { Database } from "./db/orm.ts";
import { createPager, type Pager } from "./db/page.ts";
import { createWrite, type Write } from "./db/transaction.ts";
import { createOptionScopes, type OptionScopes } from "./options/option-scopes.ts";
import type { OptionRegistry } from "./options/registry/registry.ts";
import { createScopeOptions, type ScopeOptions } from "./options/scope-option.lookup.ts";
import { createUserOptions, type UserOptions } from "./options/user-options.lookup.ts";
import { createRoleDefinitions, type RoleDefinitions } from "./roles/role.lookup.ts";
import { createVault, type Vault } from "./secrets.ts";
import { createHandles, type Handles } from "./users/handle.lookup.ts";
import { createSystemUser, type SystemUser } from "./users/system-user.ts";
import { type BasicUsers, createBasicUsers, createUsers, type Users } from "./users/user.lookup.ts";

/** What operations are made of: an operation takes the few that it uses. */
export type Dependencies = {
  readonly db: Database;
  readonly write: Write;
  readonly freshness: Freshness;
  readonly pager: Pager;
  /** What reads go through the cache for, by what they ask for. */
  readonly users: Users;
  readonly basicUsers: BasicUsers;
  readonly handles: Handles;
  readonly roleDefinitions: RoleDefinitions;
  readonly userOptions: UserOptions;
  readonly scopeOptions: ScopeOptions;
  /** The time of the database now, at most, in milliseconds since the epoch; what expires is held against it. */
  readonly databaseTime: () => number;
  readonly registry: OptionRegistry;
  readonly optionScopes: OptionScopes;
  readonly passwords: Passwords;
  readonly vault: Vault;
  readonly systemUser: SystemUser;
  readonly access: Access;
  readonly owners: Owners;
  readonly quotas: Quotas;
  /** The grace period of a deleted user. */
  readonly purgeAfterDays: number;
  /** How long an invitation to an organization is valid. */
  readonly invitationDays: number;
};

/** Makes them over one database. */
export const createDependencies = (
  db: OwnedDatabase,
  {
    systemUsername,
    purgeAfterDays,
    invitationDays,
    scopeCheck,
    readPolicy,
    quotas,
    cache: { isCaching },
  }: Pick<Config, "systemUsername" | "purgeAfterDays" | "invitationDays" | "scopeCheck" | "readPolicy" | "quotas" | "cache">,
  { metrics, registry, cache }: { readonly metrics: MetricsRegistry; readonly registry: OptionRegistry; readonly cache: Cache },
): Dependencies => {
  const { secretKey } = db;
  const tokens = createConsistencyTokens(secretKey);
  const optionScopes = createOptionScopes(scopeCheck);
  const accessUsers = createAccessUsers(cache, db);
  const [users, basicUsers] = [createUsers(cache, db), createBasicUsers(cache, db)];
  return {
    db,
    write: createWrite(db, { tokens, idempotency: createIdempotency(secretKey), committed: cache.committed }),
    freshness: createFreshness(db, tokens, isCaching),
    pager: createPager(secretKey),
    users,
    basicUsers,
    handles: createHandles(cache, db, { users, basicUsers }),
    roleDefinitions: createRoleDefinitions(cache, db),
    userOptions: createUserOptions(cache, db),
    scopeOptions: createScopeOptions(cache, db, optionScopes),
    databaseTime: cache.databaseTime,
    registry,
    optionScopes,
    passwords: createPasswords(metrics),
    vault: createVault(secretKey),
    systemUser: createSystemUser(systemUsername),
    access: createAccess({ accessUsers, accessAccounts: createAccessAccounts(cache, db) }, readPolicy),
    owners: createOwners(db, accessUsers),
    quotas,
    purgeAfterDays,
    invitationDays,
  };
};
