import { type Operation, whenReady } from "../call.ts";
import type { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import { accountNotFound } from "./accounts.ts";
import type { ProfileDependencies } from "./dependencies.ts";

/** GetAccount: reads an account from the cache by its id or its number. */
export const getAccount =
  ({
    freshness,
    accounts,
    accountsByNumber,
  }: Pick<ProfileDependencies, "freshness" | "accounts" | "accountsByNumber">): Operation<typeof ProfileService.method.getAccount> =>
  (call, { key, consistency }) => {
    const reading = freshness.reading(consistency);
    const found =
      key.case === "number"
        ? accountsByNumber(call, key.value, reading)
        : whenReady(accounts.get(call, key.value ?? 0n, reading), ({ account }) => account);
    return whenReady(found, (account) => {
      if (account === undefined) throw accountNotFound();
      return account.response;
    });
  };
