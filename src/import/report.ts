/** The numbers of records of one model in an import: `read` is the sum of the other four. */
export type ModelReport = {
  readonly model: string;
  readonly read: number;
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly skipped: number;
};

/** A model or field that is not stored: its name, how often the file has it, and the reason where userd knows one. */
export type NameCount = { readonly name: string; readonly count: number; readonly reason?: string };

/** The records that were skipped or noted for the same reason: how many they are, and the first ones as text. */
export type Listing = { readonly reason: string; readonly count: number; readonly examples: readonly string[] };

/**
 * A line about a record that was skipped or noted. For a member of a many-to-many field, `record` is the number of the record with the
 * field, and `pk` is null.
 */
export type ReportLine = {
  readonly fate: "skipped" | "noted";
  readonly model: string;
  readonly record: number;
  readonly pk: string | null;
  readonly reason: string;
  /** The subject of the line, where the reason does not name it. */
  readonly about: string | null;
};

/** A record of the file whose id or name belongs to another record in the database. Ids are text: they can exceed a JSON number. */
export type Conflict = {
  /** user, organization, project, team, account, or the name of a kind, such as release. */
  readonly kind: string;
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

/** A record of the file that has another id in the database: `pk` is its key in the file, `id` that in the database. */
export type Remapped = { readonly kind: Conflict["kind"]; readonly pk: string; readonly id: string };

/** The report of an import: what it did or, when nothing was stored, what it found. */
export type ImportReport = {
  /** False after a dry run, and when conflicts stopped the import. */
  readonly stored: boolean;
  readonly dryRun: boolean;
  readonly records: number;
  readonly models: readonly ModelReport[];
  /** Models that userd does not store. */
  readonly notHeld: readonly NameCount[];
  /** Fields that userd does not store, of models that it stores: `model.field`. */
  readonly unknownFields: readonly NameCount[];
  readonly skipped: readonly Listing[];
  /** Things to know about records that were stored. */
  readonly notes: readonly Listing[];
  /** All conflicts, also those that were resolved. */
  readonly conflicts: readonly Conflict[];
  readonly remapped: readonly Remapped[];
};

/** Tells whether conflicts stopped the import, so that nothing was stored. */
export const isStopped = (report: ImportReport): boolean => !report.stored && !report.dryRun;

/** Tells whether an import found nothing to store: no record of a known model, or only skipped ones. False if conflicts stopped it. */
export const isEmpty = (report: ImportReport): boolean =>
  !isStopped(report) && report.models.every(({ read, skipped }) => read === skipped);
