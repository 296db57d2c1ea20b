import { randomInt } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type Kysely, type Selectable, sql } from "kysely";
import type { Operation } from "../call.ts";
import { changeEntity } from "../db/entity.ts";
import { maskedFields } from "../db/mask.ts";
import { type Sized, withinPage } from "../db/page.ts";
import type { Tx } from "../db/write.ts";
import type { Dependencies } from "../dependencies.ts";
import { failedPrecondition, invalidField, notFound } from "../errors.ts";
import { type Account as AccountMessage, AccountSchema, ListAccountsRequestSchema } from "../gen/userd/v1/account_pb.ts";
import { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import { Account } from "../schema/account.entity.ts";
import type { Schema } from "../schema/entities.ts";
import { accountAggregate, platformAggregate } from "../versions/aggregate.ts";
import { etagOf, requireEtag } from "../versions/etag.ts";
import { bytesOfMetadata, everyField, type Metadata, metadataBytes, metadataOf, metadataRow, toMetadata } from "./metadata.ts";

const { method } = ProfileService;

/** Makes the error NOT_FOUND ACCOUNT_NOT_FOUND, for an id or an account number that no account has. */
export const accountNotFound = () => notFound("ACCOUNT_NOT_FOUND", "There is no such account.");

/** A row of the table of accounts. */
export type AccountRow = Selectable<Schema["account"]>;

/** Makes the query for all accounts, to which each read adds its condition. */
export const selectAccounts = (db: Kysely<Schema>) => db.selectFrom("account").selectAll();

/** Makes the API's message of an account from its row. */
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

/** Reads the row of an account in a transaction, with the transaction's own changes. Throws NOT_FOUND ACCOUNT_NOT_FOUND. */
export const storedAccount = async (tx: Tx, id: bigint): Promise<AccountRow> => {
  const row = await tx.row(selectAccounts(tx.sql).where("id", "=", id));
  if (!row) throw accountNotFound();
  return row;
};

/** Of 10¹² numbers two in a row that are taken are a fault of the generator, not bad luck. */
const ATTEMPTS = 3;

const randomNumber = (): string => Array.from({ length: 3 }, () => String(randomInt(10_000)).padStart(4, "0")).join("-");

const columnsOf = (account: AccountMessage) => ({
  ...metadataRow(metadataOf(account, everyField, "account.") as Metadata),
  is_default: account.isDefault ?? false,
  is_platform: account.isPlatform ?? false,
});

const insertAccount = async (tx: Tx, number: string, columns: ReturnType<typeof columnsOf>): Promise<bigint> => {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const values = { number: number || randomNumber(), ...columns, annotations: sql`${JSON.stringify(columns.annotations)}::jsonb` };
    const insert = tx.sql.insertInto("account").values(values).returning("id");
    const row = await tx.row(number === "" ? insert.onConflict((key) => key.column("number").doNothing()) : insert);
    if (row !== undefined) return row.id;
  }
  throw new Error("No random number of an account is free.");
};

/** CreateAccount: stores a new account. Constraints refuse another account's number, a second default account and a second platform account. */
export const createAccount =
  ({ write }: Dependencies): Operation<typeof method.createAccount> =>
  (call, request) => {
    const { account } = request;
    if (account === undefined) throw invalidField("account", "is required");
    const columns = columnsOf(account);
    const aggregates = columns.is_platform ? [platformAggregate] : [];
    return write(call, { method: method.createAccount, request, aggregates }, async (tx) => {
      const id = await insertAccount(tx, account.number, columns);
      tx.touch(accountAggregate(id));
      return { account: toAccount(await storedAccount(tx, id)) };
    });
  };

/** UpdateAccount: changes the fields of the update mask and no others. Equal values write nothing. */
export const updateAccount =
  ({ write }: Dependencies): Operation<typeof method.updateAccount> =>
  (call, request) => {
    const { account: to } = request;
    if (to === undefined) throw invalidField("account", "is required");
    const fields = maskedFields(AccountSchema, to, request.updateMask);
    const columns = {
      ...metadataOf(to, fields, "account."),
      ...(fields.has("isDefault") && { isDefault: to.isDefault ?? false }),
      ...(fields.has("isPlatform") && { isPlatform: to.isPlatform ?? false }),
    };
    const aggregates = [...(fields.has("isPlatform") ? [platformAggregate] : []), accountAggregate(to.id)];
    return write(call, { method: method.updateAccount, request, aggregates }, async (tx) => {
      const row = await storedAccount(tx, to.id);
      requireEtag(to.etag, etagOf(row), "account");
      if (fields.has("number") && to.number !== "" && to.number !== row.number) {
        throw failedPrecondition("IMMUTABLE_FIELD", "The number of an account can't be changed.");
      }
      await changeEntity(tx, Account, row, columns);
      return { account: toAccount(await storedAccount(tx, to.id)) };
    });
  };

/** ListAccounts: reads a page of accounts, ordered by id. */
export const listAccounts =
  ({ db, freshness, pager }: Dependencies): Operation<typeof method.listAccounts> =>
  async (call, request) => {
    const { size, after, cut } = pager(call, ListAccountsRequestSchema, request);
    await freshness.check(call, request.consistency);
    const found = await db.session(call).rows(
      withinPage(sql<AccountRow & Sized>`
      select account.*, ${metadataBytes("account")} as bytes from account
      where account.id > ${after?.[0] ?? "0"}::bigint order by account.id limit ${size + 1}`),
    );
    const { rows, nextPageToken } = cut(found, ({ id }) => [id], bytesOfMetadata);
    return { accounts: rows.map(toAccount), nextPageToken };
  };
