import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Operation } from "../call.ts";
import { DomainError, invalidField } from "../errors.ts";
import {
  type BatchSetOptionResultSchema,
  type BatchSetOptionsRequest,
  type BatchSetOptionsResponse,
  UserOptionService,
} from "../gen/userd/v1/user_option_service_pb.ts";
import { toStatus } from "../status.ts";
import { unwritableUsers } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";
import type { OptionDependencies } from "./dependencies.ts";
import { toUserOption } from "./option.mapping.ts";
import { scopeNotFound } from "./option-scopes.ts";
import { optionWriteOf } from "./option-write.ts";
import type { OptionRegistry } from "./registry/registry.ts";
import { scopeOf } from "./scope.ts";
import { type OptionWrite, storeEachOption } from "./store.ts";
import { nameOf } from "./stored-option.ts";
import { findUnverified } from "./verified-email.ts";

type Outcome = MessageInitShape<typeof BatchSetOptionResultSchema>;

const refused = (error: DomainError): Outcome => ({ result: { case: "error", value: toStatus(error) } });

/** Takes the values out of an answer that would be too large: the caller has sent them. */
const abridge = (answer: BatchSetOptionsResponse): void => {
  for (const { result } of answer.results) if (result.case === "option") delete result.value.value;
  answer.abridged = true;
};

/** One entry, checked: the option to store, or the error. */
const checked = (registry: OptionRegistry, entry: BatchSetOptionsRequest["entries"][number], index: number): OptionWrite | DomainError => {
  try {
    return optionWriteOf(registry, entry.userId, entry, `entries[${index}].`);
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
};

const assertDistinct = ({ entries }: BatchSetOptionsRequest): void => {
  const names = new Set<string>();
  for (const [index, entry] of entries.entries()) {
    const name = nameOf({ userId: entry.userId, key: entry.key, scope: scopeOf(entry) });
    if (names.has(name)) throw invalidField(`entries[${index}]`, "names an option that another entry names", "DUPLICATE_ENTRY");
    names.add(name);
  }
};

/**
 * BatchSetOptions: an entry that is refused leaves the others alone. One statement stores all other entries. It fails only
 * as a whole, and only for a reason that a retry overcomes.
 */
export const batchSetOptions =
  ({ write, registry, optionScopes, quotas }: OptionDependencies): Operation<typeof UserOptionService.method.batchSetOptions> =>
  (call, request) => {
    assertDistinct(request);
    const entries = request.entries.map((entry, index) => checked(registry, entry, index));
    const writes = entries.filter((entry): entry is OptionWrite => !(entry instanceof DomainError));
    const userIds = [...new Set(writes.map(({ userId }) => userId))];
    const method = UserOptionService.method.batchSetOptions;
    return write(call, { method, request, aggregates: userIds.map(userAggregate), abridge }, async (tx) => {
      const unwritable = await unwritableUsers(tx, userIds);
      const unverified = await findUnverified(tx, registry, writes);
      const stored = writes.filter((option) => !unwritable.has(option.userId) && !unverified.has(option));
      const outcomes = await storeEachOption(tx, { optionScopes, quotas }, stored);
      const byWrite = new Map(stored.map((option, index) => [option, outcomes[index]]));
      const results = entries.map((entry): Outcome => {
        if (entry instanceof DomainError) return refused(entry);
        const outcome = byWrite.get(entry);
        if (outcome instanceof DomainError) return refused(outcome);
        if (outcome !== undefined) return { result: { case: "option", value: toUserOption(outcome.row) } };
        return refused(unwritable.get(entry.userId) ?? unverified.get(entry) ?? scopeNotFound());
      });
      return { results };
    });
  };
