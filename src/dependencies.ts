import type { Permits } from "./acting/permits.ts";
import type { Freshness } from "./cache/freshness.ts";
import type { Quotas } from "./config.ts";
import type { Database } from "./db/orm.ts";
import type { Pager } from "./db/page.ts";
import type { Write } from "./db/write.ts";
import type { ResourcesOf } from "./kinds/resource.lookup.ts";
import type { Passwords } from "./passwords/passwords.ts";
import type { Vault } from "./secrets/secrets.ts";

/** The objects and settings that operations of all features depend on. An operation takes the few that it uses. */
export type Dependencies = {
  readonly db: Database;
  readonly write: Write;
  /** Holds calls to the rules for acting users. Writes do so themselves; those that do something before their transaction call `before`. */
  readonly permits: Permits;
  readonly freshness: Freshness;
  readonly pager: Pager;
  readonly resourcesOf: ResourcesOf;
  /** Returns the latest time that the database's clock can show now, in milliseconds since the epoch. It decides what has expired. */
  readonly databaseTime: () => number;
  readonly passwords: Passwords;
  readonly vault: Vault;
  readonly quotas: Quotas;
  /** The grace period of a deleted user, in days. */
  readonly purgeAfterDays: number;
  /** The time for which an invitation to an organization is valid, in days. */
  readonly invitationDays: number;
};
