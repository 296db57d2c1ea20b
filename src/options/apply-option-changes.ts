import { isDeepStrictEqual } from "node:util";
import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Tx } from "../db/write.ts";
import { failedPrecondition, invalidField, notFound } from "../errors.ts";
import {
  type ApplyOptionChangesRequest,
  type ApplyOptionChangesResponse,
  type OptionPrecondition,
  UserOptionService,
} from "../gen/userd/v1/user_option_service_pb.ts";
import { writableUser } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";
import type { OptionWrite } from "./changed-options.ts";
import type { OptionDependencies } from "./dependencies.ts";
import { requireReadable, requireWritable, withoutHiddenValue } from "./key-access.ts";
import { toUserOption } from "./option.mapping.ts";
import { scopeNotFound } from "./option-scopes.ts";
import { optionWriteOf } from "./option-write.ts";
import type { OptionRegistry } from "./registry/registry.ts";
import { scopeOf } from "./scope.ts";
import { storeOptions } from "./store.ts";
import { nameOf, type OptionKey, type StoredOption, storedOptions } from "./stored-option.ts";
import { jsonOf } from "./value.ts";
import { assertVerified } from "./verified-email.ts";

type Precondition = OptionKey & { readonly holds: (stored: StoredOption | undefined) => boolean };

/** The checked changes of a request. The `index` of a delete is its place in the request. */
type Changes = {
  readonly sets: readonly OptionWrite[];
  readonly deletes: readonly (OptionKey & { readonly index: number })[];
  readonly preconditions: readonly Precondition[];
};

const conditionOf = ({ condition }: OptionPrecondition, index: number): Precondition["holds"] => {
  if (condition.case === "mustExist") return (stored) => stored !== undefined;
  if (condition.case !== "mustEqual") return (stored) => stored === undefined;
  const expected: unknown = JSON.parse(jsonOf(condition.value, `preconditions[${index}].must_equal`));
  return (stored) => stored !== undefined && isDeepStrictEqual(stored.value, expected);
};

const changesOf = (registry: OptionRegistry, request: ApplyOptionChangesRequest): Changes => {
  const { userId } = request;
  const sets: OptionWrite[] = [];
  const deletes: (OptionKey & { index: number })[] = [];
  const names = new Set<string>();
  for (const [index, { change }] of request.changes.entries()) {
    const option: OptionKey =
      change.case === "set"
        ? optionWriteOf(registry, userId, change.value, `changes[${index}].set.`)
        : { userId, key: change.value?.key ?? "", scope: scopeOf(change.value ?? { projectId: 0n, organizationId: 0n }) };
    if (names.has(nameOf(option))) throw invalidField(`changes[${index}]`, "names an option that another change names", "DUPLICATE_ENTRY");
    names.add(nameOf(option));
    if (change.case === "set") sets.push(option as OptionWrite);
    else deletes.push({ ...option, index });
  }
  const preconditions = request.preconditions.map((precondition, index) => ({
    userId,
    key: precondition.key,
    scope: scopeOf(precondition),
    holds: conditionOf(precondition, index),
  }));
  return { sets, deletes, preconditions };
};

const assertPreconditions = (preconditions: readonly Precondition[], stored: Map<string, StoredOption>): void => {
  for (const [index, precondition] of preconditions.entries()) {
    if (precondition.holds(stored.get(nameOf(precondition)))) continue;
    const { key } = precondition;
    throw failedPrecondition("PRECONDITION_FAILED", `Precondition ${index} does not hold: the option ${key} is another.`, {
      metadata: { index: String(index), key },
    });
  }
};

const remove = async (tx: Tx, deletes: Changes["deletes"], stored: Map<string, StoredOption>): Promise<void> => {
  const ids = deletes.map((option) => {
    const row = stored.get(nameOf(option));
    if (row) return String(row.id);
    throw notFound("OPTION_NOT_FOUND", `Change ${option.index} deletes an option that is not there: ${option.key}.`, {
      metadata: { index: String(option.index), key: option.key },
    });
  });
  if (ids.length > 0) await tx.rows(sql`delete from user_option where id = any(${ids}::bigint[])`);
};

/** Removes the values from an answer that would be too large: the caller has sent them. */
const abridge = (answer: ApplyOptionChangesResponse): void => {
  for (const option of answer.options) delete option.value;
  answer.abridged = true;
};

/** ApplyOptionChanges: applies a change set, which stores and deletes options of one user. */
export const applyOptionChanges =
  ({ write, registry, optionScopes, quotas }: OptionDependencies): Operation<typeof UserOptionService.method.applyOptionChanges> =>
  (call, request) => {
    const { userId } = request;
    const method = UserOptionService.method.applyOptionChanges;
    return write(call, { method, request, aggregates: [userAggregate(userId)], abridge }, async (tx) => {
      const { sets, deletes, preconditions } = changesOf(registry, request);
      for (const { key } of [...sets, ...deletes]) requireWritable(registry, call, key);
      // Whether a precondition holds tells something of the value.
      for (const { key } of preconditions) requireReadable(registry, call, key);
      await writableUser(tx, userId);
      const stored = await storedOptions(tx, optionScopes, [...preconditions, ...deletes]);
      assertPreconditions(preconditions, stored);
      await assertVerified(tx, registry, sets);
      await remove(tx, deletes, stored);
      const outcomes = await storeOptions(tx, { optionScopes, quotas }, sets);
      return {
        options: outcomes.map((stored) => {
          if (stored === undefined) throw scopeNotFound();
          return withoutHiddenValue(registry, call, toUserOption(stored.row));
        }),
      };
    });
  };
