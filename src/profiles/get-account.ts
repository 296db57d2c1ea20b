import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import type { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import { accountNotFound, selectAccounts, toAccount } from "./account.select.ts";

/** GetAccount: by its id or its number. */
export const getAccount =
  ({ db, freshness }: Pick<Dependencies, "db" | "freshness">): Operation<typeof ProfileService.method.getAccount> =>
  async (call, { key, consistency }) => {
    await freshness.check(call, consistency);
    const accounts = selectAccounts(db.sql);
    const one = key.case === "number" ? accounts.where("number", "=", key.value) : accounts.where("id", "=", key.value ?? 0n);
    const row = await db.session(call).row(one);
    if (!row) throw accountNotFound();
    return { account: toAccount(row) };
  };
