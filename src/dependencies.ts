import type { Registry as MetricsRegistry } from "prom-client";
import { createFreshness, type Freshness } from "./cache/freshness.ts";
import { createConsistencyTokens } from "./cache/token.ts";
import type { Config } from "./config.ts";
import { createPasswords, type Passwords } from "./credentials/passwords.ts";
import { createIdempotency } from "./db/idempotency.ts";
import type { OwnedDatabase } from "./db/open.ts";
import type { Database } from "./db/orm.ts";
import { createPager, type Pager } from "./db/page.ts";
import { createWrite, type Write } from "./db/transaction.ts";
import { createOptionLoader, type OptionLoader } from "./options/option.loader.ts";
import { createOptionScopes, type OptionScopes } from "./options/option-scopes.ts";
import type { OptionRegistry } from "./options/registry/registry.ts";
import { createVault, type Vault } from "./secrets.ts";
import { createSystemUser, type SystemUser } from "./users/system-user.ts";

/** What operations are made of: an operation takes the few that it uses. */
export type Dependencies = {
  readonly db: Database;
  readonly write: Write;
  readonly freshness: Freshness;
  readonly pager: Pager;
  readonly optionLoader: OptionLoader;
  readonly registry: OptionRegistry;
  readonly optionScopes: OptionScopes;
  readonly passwords: Passwords;
  readonly vault: Vault;
  readonly systemUser: SystemUser;
  /** The grace period of a deleted user. */
  readonly purgeAfterDays: number;
};

/** Makes them over one database. */
export const createDependencies = (
  db: OwnedDatabase,
  { systemUsername, purgeAfterDays, scopeCheck }: Pick<Config, "systemUsername" | "purgeAfterDays" | "scopeCheck">,
  { metrics, registry }: { readonly metrics: MetricsRegistry; readonly registry: OptionRegistry },
): Dependencies => {
  const { secretKey } = db;
  const tokens = createConsistencyTokens(secretKey);
  const optionScopes = createOptionScopes(scopeCheck);
  return {
    db,
    write: createWrite(db, tokens, createIdempotency(secretKey)),
    freshness: createFreshness(db, tokens),
    pager: createPager(secretKey),
    optionLoader: createOptionLoader(db, optionScopes),
    registry,
    optionScopes,
    passwords: createPasswords(metrics),
    vault: createVault(secretKey),
    systemUser: createSystemUser(systemUsername),
    purgeAfterDays,
  };
};
