import { sql } from "kysely";
import type { Session } from "../../db/session.ts";
import { countRows, numbersOf } from "./counts.ts";
import { appendToLedger } from "./ledger.ts";
import { createReceipts, type Receipt, type Receipts } from "./receipts.ts";

/** What records erasures: a receipt for each user, in the database and in the ledger. */
export type Eraser = Receipts & {
  /**
   * Makes and stores the receipts of users that the transaction is about to remove. The users have to be locked already. Call `sealed` when all is
   * done but the commit.
   */
  readonly record: (tx: Session, users: readonly bigint[]) => Promise<ReadonlyMap<bigint, Receipt>>;
  /** Writes the receipts to the ledger, so that a backup which is restored can be told whom to erase again. */
  readonly sealed: (receipts: ReadonlyMap<bigint, Receipt>) => Promise<void>;
};

/** The settings of erasures. */
export type ErasureSettings = { readonly key: Uint8Array | undefined; readonly ledger: string | undefined };

/** Makes the `Eraser` of a service. */
export const createEraser = (secretKey: Uint8Array, { key, ledger }: ErasureSettings): Eraser => {
  const receipts = createReceipts(secretKey, key);
  return {
    ...receipts,
    record: async (tx, users) => {
      const counts = await countRows(tx, users, true);
      const { now } = await tx.one(sql<{ now: Date }>`select now()::timestamptz(3) as now`);
      const made = new Map(users.map((id) => [id, receipts.receiptOf(id, now, numbersOf(counts.get(id) ?? []))]));
      // In no order that tells which receipt is whose.
      const rows = users
        .map((id) => ({ subject: receipts.subjectOf(id), receipt: made.get(id) as Receipt }))
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
