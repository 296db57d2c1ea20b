import type { Session } from "../db/session.ts";
import type { Vault } from "../secrets/secrets.ts";
import type { SystemUser } from "../users/system-user.ts";

/** The ways to treat a record of the file whose id or name belongs to somebody else here. */
export const onConflicts = ["fail", "skip", "remap", "merge"] as const;

/** The way to treat such a record. */
export type OnConflict = (typeof onConflicts)[number];

/** The ids that new records get: those of the file, or new ones. */
export type Ids = "keep" | "new";

/** The one transaction of an import: all of the file, or nothing. */
export type ImportTx = Session & {
  readonly onConflict: OnConflict;
  readonly ids: Ids;
  /** Rows that are here give way to the file, also where the file is not known to be newer. */
  readonly overwrite: boolean;
  /** Locks what does not lie in the open in the database either. */
  readonly vault: Vault;
  /** Whom a file may not deactivate either. */
  readonly systemUser: SystemUser;
  /** Nothing that outlives a rollback may happen: sequences stay where they are. */
  readonly dryRun: boolean;
  /** An empty past says that no import has stored anything yet: then nothing of one was removed since. Known once other imports were waited for. */
  readonly past: { isEmpty: boolean };
  /** The number of rows that each staging table was given; steps have nothing to do with one that is not in here. */
  readonly given: Map<string, number>;
  /** The staging tables whose rows did not come in the ascending order of their keys: only these can hold a key twice. */
  readonly unordered: Set<string>;
};

/** With these a file is another installation's: what has a name that is here need not be the same thing. */
export const isForeign = ({ onConflict }: ImportTx): boolean => onConflict === "remap" || onConflict === "merge";
