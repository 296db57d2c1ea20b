import type { Freshness } from "./cache/freshness.ts";
import type { Quotas } from "./config.ts";
import type { Database } from "./db/orm.ts";
import type { Pager } from "./db/page.ts";
import type { Write } from "./db/transaction.ts";
import type { Passwords } from "./passwords/passwords.ts";
import type { Vault } from "./secrets/secrets.ts";

/** The parts that operations of every feature are made of: an operation takes the few that it uses. */
export type Dependencies = {
  readonly db: Database;
  readonly write: Write;
  readonly freshness: Freshness;
  readonly pager: Pager;
  /** The time of the database now, at most, in milliseconds since the epoch; what expires is held against it. */
  readonly databaseTime: () => number;
  readonly passwords: Passwords;
  readonly vault: Vault;
  readonly quotas: Quotas;
  /** The grace period of a deleted user. */
  readonly purgeAfterDays: number;
  /** The number of days that an invitation to an organization is valid. */
  readonly invitationDays: number;
};
