import { type RawBuilder, sql } from "kysely";
import { compiled } from "../db/compiled.ts";
import type { Session } from "../db/session.ts";
import { recurring } from "./row.ts";

/** The most rows that are counted: what there is beyond them is estimated. */
const MAX_COUNTED = 10_000;

/** The number of results on all pages of a list: exact up to 10,000, above that an estimate. */
export type Count = { readonly totalSize: bigint; readonly totalSizeIsEstimate: boolean };

type Plan = { readonly "QUERY PLAN": readonly [{ readonly Plan: { readonly "Plan Rows": number } }] };

/**
 * Counts rows exactly up to 10,000; for more it returns the estimate of PostgreSQL's planner.
 * @param rows the statement that selects the rows, without its `select` list: from the word `from` on.
 * @param places the values of the named parameters (`place`) in `rows`.
 */
export const countRows = async (session: Session, rows: RawBuilder<unknown>, places: Readonly<Record<string, unknown>>): Promise<Count> => {
  const one = <R>(statement: RawBuilder<R>): Promise<R> => session.one(compiled(recurring(statement))(places));
  const { counted } = await one(
    sql<{ counted: bigint }>`select count(*) as counted from (select ${rows} limit ${sql.lit(MAX_COUNTED + 1)}) q`,
  );
  if (Number(counted) <= MAX_COUNTED) return { totalSize: BigInt(counted), totalSizeIsEstimate: false };
  const plan = await one(sql<Plan>`explain (format json) select ${rows}`);
  const estimated = plan["QUERY PLAN"][0].Plan["Plan Rows"];
  return { totalSize: BigInt(Math.max(MAX_COUNTED + 1, Math.round(estimated))), totalSizeIsEstimate: true };
};
