import type { Session } from "../db/session.ts";
import type { Vault } from "../secrets/secrets.ts";
import type { SystemUser } from "../users/system-user.ts";

/**
 * The ways to treat a record whose id or name is that of another record in the database: `fail` stores nothing, `skip` skips the record, `remap`
 * gives it a new id, and a suffix if its name is taken, `merge` joins a user with the user of the same name in the database and treats other
 * records like `remap`.
 */
export const onConflicts = ["fail", "skip", "remap", "merge"] as const;

/** A way to treat a conflict, one of `onConflicts`. */
export type OnConflict = (typeof onConflicts)[number];

/** The choice of ids for new records: `keep` takes the ids in the file, which have to be integers; `new` draws new ids. */
export type Ids = "keep" | "new";

/** The transaction of an import, with the settings and the state that the steps of the import share. */
export type ImportTx = Session & {
  readonly onConflict: OnConflict;
  readonly ids: Ids;
  readonly overwrite: boolean;
  /** Encrypts values that the database holds only encrypted, such as configs of second factors. */
  readonly vault: Vault;
  readonly systemUser: SystemUser;
  /** True when all is rolled back at the end. Steps then do nothing that outlives a rollback: sequences stay where they are. */
  readonly dryRun: boolean;
  /** `isEmpty` is true when no import has stored anything before: no imported row can have been removed then. lockImports sets it. */
  readonly past: { isEmpty: boolean };
  /** A map from the name of a staging table to the number of its rows. Steps do nothing for a table that is not in here. */
  readonly given: Map<string, number>;
  /** The staging tables whose rows did not come in the ascending order of their keys: only these can hold a key twice. */
  readonly unordered: Set<string>;
  /** Statements outside of the transaction; undefined on the embedded database, which has one connection. */
  readonly outside: Session | undefined;
  /** Work outside of the transaction that goes on beside the steps. The import ends when it has ended. */
  readonly pending: Promise<unknown>[];
};

/**
 * Tells whether the file is treated as another installation's, which is so with `remap` and `merge`. The same id or name in the file and in the
 * database can then mean two different records.
 */
export const isForeign = ({ onConflict }: ImportTx): boolean => onConflict === "remap" || onConflict === "merge";
