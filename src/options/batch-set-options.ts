import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Operation } from "../call.ts";
import { assertDistinct, DomainError, isAccepted, orRefusal } from "../errors.ts";
import {
  type BatchSetOptionResultSchema,
  type BatchSetOptionsResponse,
  UserOptionService,
} from "../gen/userd/v1/user_option_service_pb.ts";
import { refusedEntry } from "../status.ts";
import { unwritableUsers } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";
import type { OptionDependencies } from "./dependencies.ts";
import { requireWritable, withoutHiddenValue } from "./key-access.ts";
import { toUserOption } from "./option.mapping.ts";
import { scopeNotFound } from "./option-scopes.ts";
import { optionWriteOf } from "./option-write.ts";
import { scopeOf } from "./scope.ts";
import { storeEachOption } from "./store.ts";
import { nameOf } from "./stored-option.ts";
import { findUnverified } from "./verified-email.ts";

type Outcome = MessageInitShape<typeof BatchSetOptionResultSchema>;

/** Removes the values from an answer that would be too large: the caller has sent them. */
const abridge = (answer: BatchSetOptionsResponse): void => {
  for (const { result } of answer.results) if (result.case === "option") delete result.value.value;
  answer.abridged = true;
};

/** BatchSetOptions: stores options by one statement. A refused entry gets an error as its result; the others are stored all the same. */
export const batchSetOptions =
  ({ write, registry, optionScopes, quotas }: OptionDependencies): Operation<typeof UserOptionService.method.batchSetOptions> =>
  (call, request) => {
    const names = request.entries.map((entry) => [nameOf({ userId: entry.userId, key: entry.key, scope: scopeOf(entry) })]);
    assertDistinct(names, "entries", "names an option that another entry names");
    const entries = request.entries.map((entry, index) =>
      orRefusal(() => {
        requireWritable(registry, call, entry.key);
        return optionWriteOf(registry, entry.userId, entry, `entries[${index}].`);
      }),
    );
    const writes = entries.filter(isAccepted);
    const userIds = [...new Set(writes.map(({ userId }) => userId))];
    const method = UserOptionService.method.batchSetOptions;
    return write(call, { method, request, aggregates: userIds.map(userAggregate), abridge }, async (tx) => {
      const unwritable = await unwritableUsers(tx, userIds);
      const unverified = await findUnverified(tx, registry, writes);
      const stored = writes.filter((option) => !unwritable.has(option.userId) && !unverified.has(option));
      const outcomes = await storeEachOption(tx, { optionScopes, quotas }, stored);
      const byWrite = new Map(stored.map((option, index) => [option, outcomes[index]]));
      const results = entries.map((entry): Outcome => {
        if (!isAccepted(entry)) return refusedEntry(entry);
        const outcome = byWrite.get(entry);
        if (outcome instanceof DomainError) return refusedEntry(outcome);
        if (outcome !== undefined)
          return { result: { case: "option", value: withoutHiddenValue(registry, call, toUserOption(outcome.row)) } };
        return refusedEntry(unwritable.get(entry.userId) ?? unverified.get(entry) ?? scopeNotFound());
      });
      return { results };
    });
  };
