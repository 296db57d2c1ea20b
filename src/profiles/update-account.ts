import type { Operation } from "../call.ts";
import { changeEntity } from "../db/entity.ts";
import { maskedFields } from "../db/mask.ts";
import type { Dependencies } from "../dependencies.ts";
import { failedPrecondition, invalidField } from "../errors.ts";
import { AccountSchema } from "../gen/userd/v1/account_pb.ts";
import { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import { Account } from "../schema/account.entity.ts";
import { accountAggregate, platformAggregate } from "../versions/aggregate.ts";
import { etagOf, requireEtag } from "../versions/etag.ts";
import { storedAccount, toAccount } from "./account.select.ts";
import { metadataOf } from "./metadata.ts";

const method = ProfileService.method.updateAccount;

/** UpdateAccount: the fields of the mask and no others; equal values write nothing. */
export const updateAccount =
  ({ write }: Pick<Dependencies, "write">): Operation<typeof method> =>
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
    return write(call, { method, request, aggregates }, async (tx) => {
      const row = await storedAccount(tx, to.id);
      requireEtag(to.etag, etagOf(row), "account");
      if (fields.has("number") && to.number !== "" && to.number !== row.number) {
        throw failedPrecondition("IMMUTABLE_FIELD", "The number of an account can't be changed.");
      }
      await changeEntity(tx, Account, row, columns);
      return { account: toAccount(await storedAccount(tx, to.id)) };
    });
  };
