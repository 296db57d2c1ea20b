import type { Quotas } from "../config.ts";
import { type DomainError, exhausted } from "../errors.ts";
import { nameOfRow, type StoredOption } from "./stored-option.ts";

/** The number of options that a user or a scope has, and the bytes of their values. */
export type Usage = { readonly used_options: number; readonly used_bytes: number };

/** The usage of a user or a scope before a write, and by how much the write makes it larger. */
export type Growth = Usage & {
  /** Tells whether there was no row of this name before the write. */
  readonly added: boolean;
  /** The bytes by which the value is larger than the one before; negative = it is smaller. */
  readonly grown_by: number;
};

const settings = { options: "QUOTA_OPTIONS_PER_USER", bytes: "QUOTA_OPTION_BYTES_PER_USER" } as const;

const exceeded = (what: keyof typeof settings, limit: number, used: number): DomainError => {
  const quota = settings[what];
  const sentence = what === "options" ? `There are ${used} options already` : `The options take ${used} bytes already`;
  return exhausted("QUOTA_EXCEEDED", `${sentence}; the quota ${quota} is ${limit}.`, {
    metadata: { quota, limit: String(limit), used: String(used) },
  });
};

/**
 * Finds the writes of one user or scope that would exceed a quota, and returns a map from write to error. Writes that shrink values are counted
 * first, then the others in their order; refused writes are not counted.
 */
export const refusalsOf = <R extends Growth>(rows: readonly R[], quotas: Quotas): Map<R, DomainError> => {
  const { optionsPerUser, optionBytesPerUser } = quotas;
  let options = Number(rows[0]?.used_options ?? 0);
  let bytes = Number(rows[0]?.used_bytes ?? 0);
  const growing = rows.filter(({ added, grown_by }) => added || grown_by > 0);
  for (const { added, grown_by } of rows) if (!added && grown_by < 0) bytes += grown_by;
  const refusals = new Map<R, DomainError>();
  for (const row of growing) {
    const more = row.added ? 1 : 0;
    if (options + more > optionsPerUser && row.added) refusals.set(row, exceeded("options", optionsPerUser, options));
    else if (bytes + row.grown_by > optionBytesPerUser) refusals.set(row, exceeded("bytes", optionBytesPerUser, bytes));
    else [options, bytes] = [options + more, bytes + row.grown_by];
  }
  return refusals;
};

/** Finds the writes of many users that would exceed a user's quota, and returns a map from the option's name (`nameOfRow`) to the error. */
export const refusalsByName = (rows: readonly (StoredOption & Growth)[], quotas: Quotas): Map<string, DomainError> =>
  new Map(
    [...Map.groupBy(rows, (row) => row.user_id).values()].flatMap((ofUser) =>
      [...refusalsOf(ofUser, quotas)].map(([row, error]) => [nameOfRow(row), error] as const),
    ),
  );
