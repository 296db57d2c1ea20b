/** The numbers of records of one model that an import read, created, updated, left unchanged and skipped; `read` is the sum of the others. */
export type ModelReport = {
  readonly model: string;
  readonly read: number;
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly skipped: number;
};

/** A model or field that userd does not store: its name, how often it occurs in the file, and the reason, if there is a known one. */
export type NameCount = { readonly name: string; readonly count: number; readonly reason?: string };

/** The records that were skipped or noted for one reason: their number, and the first 20 of them as text. */
export type Listing = { readonly reason: string; readonly count: number; readonly examples: readonly string[] };

/**
 * A line of the report about one record that was skipped or noted. If the line is about a member of a many-to-many field, `pk` is null, and
 * `record` is the number of the record that has the field.
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

/** A record of the file whose id or name belongs to another record in the database. Ids are strings: a JSON number can't hold all of them. */
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

/** A record whose id in the database (`id`) differs from its key in the file (`pk`). */
export type Remapped = { readonly kind: Conflict["kind"]; readonly pk: string; readonly id: string };

/** The report of an import: the numbers of records, what was skipped or is not stored and why, the notes, and the conflicts. */
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

/**
 * Tells whether the file has nothing to store: no record of a known model, or only skipped records. Returns false if conflicts stopped the
 * import.
 */
export const isEmpty = (report: ImportReport): boolean =>
  !isStopped(report) && report.models.every(({ read, skipped }) => read === skipped);
