/** The fates of the records of one model, counted: read = created + updated + unchanged + skipped. */
export type ModelReport = {
  readonly model: string;
  readonly read: number;
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly skipped: number;
};

/** A name of a model or field, how often it was met, and, where userd knows one, the reason why it is not stored. */
export type NameCount = { readonly name: string; readonly count: number; readonly reason?: string };

/** Records with one reason: all are counted, the first are named. */
export type Listing = { readonly reason: string; readonly count: number; readonly examples: readonly string[] };

/**
 * A line about one record that was skipped or noted. A member of a many-to-many field has the number of the record that holds it,
 * and no pk.
 */
export type ReportLine = {
  readonly fate: "skipped" | "noted";
  readonly model: string;
  readonly record: number;
  readonly pk: string | null;
  readonly reason: string;
  /** The thing that the line is about, where the reason does not say it. */
  readonly about: string | null;
};

/** A record of the file whose id or name belongs to another record in the database. Ids are text: they can exceed a JSON number. */
export type Conflict = {
  readonly kind: "user" | "organization" | "project" | "team" | "account";
  readonly model: string;
  readonly record: number;
  /** Null of a record that only has a name. */
  readonly pk: string | null;
  readonly name: string;
  /** The name of the record that has this id in the database. */
  readonly nameHere: string | null;
  /** The id of the other record that has this name in the database. */
  readonly idHere: string | null;
};

/** A record of the file that has another id here. */
export type Remapped = { readonly kind: Conflict["kind"]; readonly pk: string; readonly id: string };

/** The account of what an import did, or, when nothing was stored, of what it found. */
export type ImportReport = {
  /** False after a dry run, and when conflicts stopped the import. */
  readonly stored: boolean;
  readonly dryRun: boolean;
  readonly records: number;
  readonly models: readonly ModelReport[];
  /** Models that userd does not hold. */
  readonly notHeld: readonly NameCount[];
  /** Fields that userd has no place for, of models that it holds: `model.field`. */
  readonly unknownFields: readonly NameCount[];
  readonly skipped: readonly Listing[];
  /** Things that whoever imports should know of records that were stored. */
  readonly notes: readonly Listing[];
  /** All of them, whatever was done about them. */
  readonly conflicts: readonly Conflict[];
  readonly remapped: readonly Remapped[];
};

/** Tells whether conflicts stopped the import, so that nothing was stored. */
export const isStopped = (report: ImportReport): boolean => !report.stored && !report.dryRun;

/**
 * Tells whether the file held nothing that userd stores: no record of a known model was read, or all of them were skipped. False
 * when conflicts stopped the import.
 */
export const isEmpty = (report: ImportReport): boolean =>
  !isStopped(report) && report.models.every(({ read, skipped }) => read === skipped);
