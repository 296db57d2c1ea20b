import type { Logger } from "pino";
import type { Registry as MetricsRegistry } from "prom-client";
import { createAccessAccounts, createAccessUsers } from "../access/access.lookup.ts";
import { createAccess } from "../access/access.ts";
import type { AccessDependencies } from "../access/dependencies.ts";
import { createHolders } from "../access/holders.ts";
import { createOwners } from "../access/owners.ts";
import { createPermits } from "../acting/permits.ts";
import type { Cache } from "../cache/cache.ts";
import { createFreshness } from "../cache/freshness.ts";
import type { ChangeDependencies } from "../changes/dependencies.ts";
import { createFeed } from "../changes/feed.ts";
import type { Config } from "../config.ts";
import { createIdempotency } from "../db/idempotency.ts";
import type { OwnedDatabase } from "../db/open.ts";
import { createPager } from "../db/page.ts";
import { createWrite } from "../db/transaction.ts";
import { createResources } from "../kinds/resource.lookup.ts";
import type { LifecycleDependencies } from "../lifecycle/dependencies.ts";
import { createEraser } from "../lifecycle/erasure/eraser.ts";
import type { OptionDependencies } from "../options/dependencies.ts";
import { createOptionScopes } from "../options/option-scopes.ts";
import type { OptionRegistry } from "../options/registry/registry.ts";
import { createScopeOptions } from "../options/scope-option.lookup.ts";
import { createUserOptions } from "../options/user-options.lookup.ts";
import { createPasswords } from "../passwords/passwords.ts";
import { createAccounts, createAccountsByNumber } from "../profiles/account.lookup.ts";
import type { ProfileDependencies } from "../profiles/dependencies.ts";
import { createFirstProfiles, createProfiles, createProfilesByName } from "../profiles/profile.lookup.ts";
import { createResourceOwners } from "../resources/resource-owner.lookup.ts";
import { createOwnersOfResources } from "../resources/resource-owners.ts";
import { createRoleDefinitions } from "../roles/role.lookup.ts";
import { createVault } from "../secrets/secrets.ts";
import { createCanonicalNames } from "../users/canonical-name.lookup.ts";
import { createSystemUser } from "../users/system-user.ts";
import { createBasicUsers, createUsers } from "../users/user.lookup.ts";
import type { Notification } from "../versions/notification.ts";
import { createConsistencyTokens } from "../versions/token.ts";
import { createConfigurationRevision } from "./configuration-revision.ts";
import { createCurrentResources } from "./current-resources.ts";

/** The dependencies of the operations of all services. */
export type AllDependencies = LifecycleDependencies & OptionDependencies & AccessDependencies & ProfileDependencies & ChangeDependencies;

/** What the dependencies of operations are made of, besides the database. */
type Opened = { readonly metrics: MetricsRegistry; readonly registry: OptionRegistry; readonly cache: Cache; readonly log: Logger };

/** Makes the dependencies of all operations, over one database and one cache. */
export const createDependencies = (db: OwnedDatabase, config: Config, { metrics, registry, cache, log }: Opened): AllDependencies => {
  const { secretKey } = db;
  const { quotas, purgeAfterDays, invitationDays } = config;
  const tokens = createConsistencyTokens(secretKey);
  const optionScopes = createOptionScopes(config.scopeCheck);
  const accessUsers = createAccessUsers(cache, db);
  const freshness = createFreshness(db, tokens, config.cache.isCaching, createConfigurationRevision(registry, config, db.kinds));
  const permits = createPermits({ db, freshness, accessUsers }, config);
  const idempotency = createIdempotency(secretKey);
  const [holders, accounts] = [createHolders(db), createAccounts(cache, db)];
  const [users, basicUsers] = [createUsers(cache, db), createBasicUsers(cache, db)];
  const feed = createFeed(db, config, log, metrics);
  const committed = (moved: Notification) => {
    cache.committed(moved);
    feed.sequencer.told();
  };
  return {
    db,
    write: createWrite(db, { tokens, idempotency, permit: permits.within, committed }),
    feed,
    tokens,
    current: createCurrentResources(db, registry),
    configurationRevision: createConfigurationRevision(registry, config, db.kinds),
    permits,
    freshness,
    pager: createPager(secretKey),
    resourcesOf: createResources(cache, db),
    users,
    basicUsers,
    canonicalNames: createCanonicalNames(cache, db, { users, basicUsers }),
    roleDefinitions: createRoleDefinitions(cache, db),
    userOptions: createUserOptions(cache, db),
    scopeOptions: createScopeOptions(cache, db, optionScopes),
    databaseTime: cache.databaseTime,
    registry,
    optionScopes,
    passwords: createPasswords(metrics),
    vault: createVault(secretKey),
    systemUser: createSystemUser(config.systemUsername),
    eraser: createEraser(secretKey, config.erasure),
    access: createAccess({ accessUsers, accessAccounts: createAccessAccounts(cache, db) }, config.readPolicy),
    owners: createOwners(holders, accessUsers, createOwnersOfResources(db, holders, createResourceOwners(cache, db))),
    holders,
    profiles: createProfiles(cache, db),
    profilesByName: createProfilesByName(cache, db),
    firstProfiles: createFirstProfiles(cache, db),
    accounts,
    accountsByNumber: createAccountsByNumber(db, accounts),
    quotas,
    purgeAfterDays,
    invitationDays,
  };
};
