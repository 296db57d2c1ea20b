import { sql } from "kysely";
import type { Operation } from "../call.ts";
import { type Sized, withinPage } from "../db/page.ts";
import type { Dependencies } from "../dependencies.ts";
import { ListAccountsRequestSchema } from "../gen/userd/v1/account_pb.ts";
import type { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import { type AccountRow, toAccount } from "./account.select.ts";
import { bytesOfMetadata, metadataBytes } from "./metadata.ts";

/** ListAccounts: a page of accounts, by id. */
export const listAccounts =
  ({ db, freshness, pager }: Pick<Dependencies, "db" | "freshness" | "pager">): Operation<typeof ProfileService.method.listAccounts> =>
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
