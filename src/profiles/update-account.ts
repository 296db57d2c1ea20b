import type { Operation } from "../call.ts";
import { maskedFields } from "../db/mask.ts";
import type { Dependencies } from "../dependencies.ts";
import { failedPrecondition, invalidField } from "../errors.ts";
import { AccountSchema } from "../gen/userd/v1/account_pb.ts";
import { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import { accountAggregate, platformAggregate } from "../versions/aggregate.ts";
import { storedAccount, toAccount } from "./account.select.ts";
import { metadataOf } from "./metadata.ts";
import { assertEtag, changeRow } from "./versioned-row.ts";

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
      ...(fields.has("isDefault") && { is_default: to.isDefault ?? false }),
      ...(fields.has("isPlatform") && { is_platform: to.isPlatform ?? false }),
    };
    const aggregates = [...(fields.has("isPlatform") ? [platformAggregate] : []), accountAggregate(to.id)];
    return write(call, { method, request, aggregates }, async (tx) => {
      const row = await storedAccount(tx, to.id);
      assertEtag(row, to.etag, "account");
      if (fields.has("number") && to.number !== "" && to.number !== row.number) {
        throw failedPrecondition("IMMUTABLE_FIELD", "The number of an account can't be changed.");
      }
      await changeRow(tx, "account", row, columns);
      return { account: toAccount(await storedAccount(tx, to.id)) };
    });
  };
