import type { Quotas } from "../config.ts";
import { type DomainError, exhausted } from "../errors.ts";
import { nameOfRow, type StoredOption } from "./stored-option.ts";

/** The number of a user's options, and the bytes that their values take. */
export type Usage = { readonly used_options: number; readonly used_bytes: number };

/** A row as a statement has stored it, beside what there was before. */
export type Growth = Usage & {
  /** No row of this name was there. */
  readonly added: boolean;
  /** The number of bytes by which the value is larger than the one before. */
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
 * Says which writes of one owner take it over a quota: those that make something larger, in their order, each that fits
 * counting for the ones after it. What gets smaller is never refused, and counts first.
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

/** The refusals of options of many users, by the name of the option. */
export const refusalsByName = (rows: readonly (StoredOption & Growth)[], quotas: Quotas): Map<string, DomainError> =>
  new Map(
    [...Map.groupBy(rows, (row) => row.user_id).values()].flatMap((ofUser) =>
      [...refusalsOf(ofUser, quotas)].map(([row, error]) => [nameOfRow(row), error] as const),
    ),
  );
