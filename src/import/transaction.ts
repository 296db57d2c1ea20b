import type { Session } from "../db/session.ts";
import type { Vault } from "../secrets/secrets.ts";
import type { SystemUser } from "../users/system-user.ts";

/** The ways to treat a record of the file whose id or name belongs to another record in the database. */
export const onConflicts = ["fail", "skip", "remap", "merge"] as const;

/** One of the ways to treat a conflict: see `onConflicts`. */
export type OnConflict = (typeof onConflicts)[number];

/** The ids that new records get: those of the file, or new ones. */
export type Ids = "keep" | "new";

/** The one transaction of an import: all of the file, or nothing. */
export type ImportTx = Session & {
  readonly onConflict: OnConflict;
  readonly ids: Ids;
  /** True when the file replaces values in the database also where the file is not known to be newer. */
  readonly overwrite: boolean;
  /** Locks values that the database holds only locked, such as configs of second factors. */
  readonly vault: Vault;
  /** The system user, whom a file can't deactivate or suspend. */
  readonly systemUser: SystemUser;
  /** True when all is rolled back at the end. Steps then do nothing that outlives a rollback: sequences stay where they are. */
  readonly dryRun: boolean;
  /**
   * The past of the database: `isEmpty` is true when no import has stored anything yet, so that no imported row can have been
   * removed. lockImports sets it, when it has waited for other imports.
   */
  readonly past: { isEmpty: boolean };
  /** The number of rows that each staging table was given, keyed by its name. Steps do nothing for a table that is not in here. */
  readonly given: Map<string, number>;
  /** The staging tables whose rows did not come in the ascending order of their keys: only these can hold a key twice. */
  readonly unordered: Set<string>;
};

/**
 * Tells whether the file is treated as another installation's, as with `remap` and `merge`. A record that has the same name in the
 * database need not be the same thing then.
 */
export const isForeign = ({ onConflict }: ImportTx): boolean => onConflict === "remap" || onConflict === "merge";
