import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { ListAccountsRequestSchema } from "../gen/users/v1/account_pb.ts";
import type { ProfileService } from "../gen/users/v1/profile_service_pb.ts";
import { selectAccounts, toAccount } from "./account.select.ts";

/** ListAccounts: a page of accounts, by id. */
export const listAccounts =
  ({ db, freshness, pager }: Pick<Dependencies, "db" | "freshness" | "pager">): Operation<typeof ProfileService.method.listAccounts> =>
  async (call, request) => {
    const { size, after, cut } = pager(call, ListAccountsRequestSchema, request);
    await freshness.check(call, request.consistency);
    const found = await selectAccounts(db.sql)
      .where("id", ">", BigInt(after?.[0] ?? 0))
      .orderBy("id")
      .limit(size + 1)
      .execute(db.abort(call));
    const { rows, nextPageToken } = cut(found, ({ id }) => [id]);
    return { accounts: rows.map(toAccount), nextPageToken };
  };
