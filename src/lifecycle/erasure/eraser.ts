import { sql } from "kysely";
import type { Session } from "../../db/session.ts";
import { appendToLedger } from "./ledger.ts";
import { createReceipts, type Erased, type ErasedRows, type Receipt, type Receipts } from "./receipts.ts";

/** What records erasures: a receipt for each user, organization, project, team or account, in the database and in the ledger. */
export type Eraser = Receipts & {
  /**
   * Makes and stores the receipts of what the transaction removes, which has to be locked already. Call `sealed` when all is done but the commit.
   */
  readonly record: (tx: Session, erased: readonly (Erased & ErasedRows)[]) => Promise<ReadonlyMap<bigint, Receipt>>;
  /** Writes the receipts to the ledger, so that a backup which is restored can be told what to erase again. */
  readonly sealed: (receipts: ReadonlyMap<bigint, Receipt>) => Promise<void>;
};

/** The settings of erasures. */
export type ErasureSettings = { readonly key: Uint8Array | undefined; readonly ledger: string | undefined };

/** Makes the `Eraser` of a service. */
export const createEraser = (secretKey: Uint8Array, { key, ledger }: ErasureSettings): Eraser => {
  const receipts = createReceipts(secretKey, key);
  return {
    ...receipts,
    record: async (tx, erased) => {
      const { now } = await tx.one(sql<{ now: Date }>`select now()::timestamptz(3) as now`);
      const made = new Map(erased.map((one) => [one.id, receipts.receiptOf(one, now, one)]));
      // In no order that tells which receipt is whose.
      const rows = erased
        .map((one) => ({ subject: receipts.subjectOf(one), receipt: made.get(one.id) as Receipt }))
        .toSorted((a, b) => (a.subject < b.subject ? -1 : 1));
      await tx.rows(sql`
        insert into erasure (erase_time, subject, statement, signature)
        select ${now}, w.subject, w.statement, decode(w.signature, 'base64') from unnest(
          ${rows.map(({ subject }) => subject)}::text[], ${rows.map(({ receipt }) => receipt.statement)}::text[],
          ${rows.map(({ receipt }) => Buffer.from(receipt.signature).toString("base64"))}::text[]) w (subject, statement, signature)`);
      return made;
    },
    sealed: async (made) => {
      if (ledger !== undefined) await appendToLedger(ledger, [...made.values()]);
    },
  };
};
