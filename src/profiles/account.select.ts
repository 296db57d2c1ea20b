import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Kysely, Selectable } from "kysely";
import type { Tx } from "../db/transaction.ts";
import { notFound } from "../errors.ts";
import type { AccountSchema } from "../gen/userd/v1/account_pb.ts";
import type { Schema } from "../schema/entities.ts";
import { etagOf } from "../versions/etag.ts";
import { toMetadata } from "./metadata.ts";

/** No account has this id or number. */
export const accountNotFound = () => notFound("ACCOUNT_NOT_FOUND", "There is no such account.");

/** An account as every read returns it. */
export type AccountRow = Selectable<Schema["account"]>;

/** Every read of accounts is this query and a condition. */
export const selectAccounts = (db: Kysely<Schema>) => db.selectFrom("account").selectAll();

/** An account as the API shows it. */
export const toAccount = (row: AccountRow): MessageInitShape<typeof AccountSchema> => ({
  id: row.id,
  number: row.number,
  ...toMetadata(row),
  isDefault: row.is_default,
  isPlatform: row.is_platform,
  etag: etagOf(row),
  createTime: timestampFromDate(row.create_time),
  updateTime: timestampFromDate(row.update_time),
});

/**
 * The account as the transaction has left it.
 * @throws NOT_FOUND ACCOUNT_NOT_FOUND.
 */
export const storedAccount = async (tx: Tx, id: bigint): Promise<AccountRow> => {
  const row = await tx.row(selectAccounts(tx.sql).where("id", "=", id));
  if (!row) throw accountNotFound();
  return row;
};
