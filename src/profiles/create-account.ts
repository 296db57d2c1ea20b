import { randomInt } from "node:crypto";
import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Tx } from "../db/transaction.ts";
import type { Dependencies } from "../dependencies.ts";
import { invalidField } from "../errors.ts";
import type { Account } from "../gen/userd/v1/account_pb.ts";
import { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import { accountAggregate, platformAggregate } from "../versions/aggregate.ts";
import { storedAccount, toAccount } from "./account.select.ts";
import { everyField, type Metadata, metadataOf, metadataRow } from "./metadata.ts";

const method = ProfileService.method.createAccount;

/** Of 10¹² numbers two in a row that are taken are a fault of the generator, not bad luck. */
const ATTEMPTS = 3;

const randomNumber = (): string => Array.from({ length: 3 }, () => String(randomInt(10_000)).padStart(4, "0")).join("-");

const columnsOf = (account: Account) => ({
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

/** CreateAccount: that its number is free, and that there is one default and one platform account, are constraints. */
export const createAccount =
  ({ write }: Pick<Dependencies, "write">): Operation<typeof method> =>
  (call, request) => {
    const { account, requestId } = request;
    if (account === undefined) throw invalidField("account", "is required");
    const columns = columnsOf(account);
    const aggregates = columns.is_platform ? [platformAggregate] : [];
    return write(call, { method, request, aggregates, requestId }, async (tx) => {
      const id = await insertAccount(tx, account.number, columns);
      tx.touch(accountAggregate(id));
      return { account: toAccount(await storedAccount(tx, id)) };
    });
  };
