import type { Kysely } from "kysely";
import type { AbortOptions, Schema } from "../db/orm.ts";
import type { Vault } from "../secrets.ts";
import type { SystemUser } from "../users/system-user.ts";
import type { Ids } from "./keys.ts";

/** The ways to treat a record of the file whose id or name belongs to somebody else here. */
export const onConflicts = ["fail", "skip", "remap", "merge"] as const;

/** What to do with such a record. */
export type OnConflict = (typeof onConflicts)[number];

/** The one transaction of an import: all of the file, or nothing. */
export type ImportTx = {
  readonly sql: Kysely<Schema>;
  /** Goes with every `execute`. */
  readonly abort: AbortOptions;
  readonly onConflict: OnConflict;
  readonly ids: Ids;
  /** What is here gives way to the file, also where the file is not known to be newer. */
  readonly overwrite: boolean;
  /** Locks what does not lie in the open in the database either. */
  readonly vault: Vault;
  /** Whom a file may not deactivate either. */
  readonly systemUser: SystemUser;
  /** Nothing that outlives a rollback may happen: sequences stay where they are. */
  readonly dryRun: boolean;
};

/** With these a file is another installation's: what has a name that is here need not be the same thing. */
export const isForeign = ({ onConflict }: ImportTx): boolean => onConflict === "remap" || onConflict === "merge";
