import { create, type MessageInitShape, toBinary, toJsonString } from "@bufbuild/protobuf";
import { sql } from "kysely";
import { memberAggregates } from "../access/affected-aggregates.ts";
import type { Operation } from "../call.ts";
import { insertRows } from "../db/insert-rows.ts";
import type { LookUpLocks, Tx } from "../db/write.ts";
import type { Dependencies } from "../dependencies.ts";
import { alreadyExists, assertDistinct, type DomainError, invalidField, isAccepted, notFound, orRefusal } from "../errors.ts";
import { BatchCreateProfilesRequestSchema } from "../gen/userd/v1/profile_batch_pb.ts";
import { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import type { UserProfileSchema } from "../gen/userd/v1/user_profile_pb.ts";
import { refusedEntry } from "../status.ts";
import { unwritableUsers } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { addUsersToContacts } from "./account-contacts.ts";
import { toMetadata } from "./metadata.ts";
import { nameWarnings } from "./name-warning.ts";
import { type ProfileRow, toProfile } from "./profile.select.ts";
import { type NewProfile, newProfileOf } from "./profiles.ts";

const method = ProfileService.method.batchCreateProfiles;

type Draft = Required<NewProfile>;

/** Most bytes of an answer, and those that each result adds to what was sent: ids, times, an etag, or an error. */
const MAX_ANSWER = 3 * 1024 * 1024;
const MAX_ADDED = 512;

/** What an answer holds of a new profile that was sent: of what was ignored or refused it holds nothing, and some of that can't be written as JSON. */
const toSent = (draft: Draft): MessageInitShape<typeof UserProfileSchema> => ({
  ...toMetadata(draft),
  userId: draft.user_id,
  accountId: draft.account_id,
  profileImageUrl: draft.profile_image_url,
  isTest: draft.is_test,
});

/** The answer holds what was sent: one that would not fit is refused before anything is stored. */
const assertAnswerFits = (drafts: readonly Draft[], results: number): void => {
  const schema = BatchCreateProfilesRequestSchema;
  const sent = create(schema, { profiles: drafts.map(toSent) });
  const sizes = [toBinary(schema, sent).length, Buffer.byteLength(toJsonString(schema, sent))];
  if (Math.max(...sizes) + results * MAX_ADDED > MAX_ANSWER) {
    throw invalidField("profiles", "must fit into an answer of 3 MiB with what it adds to them: send fewer at once");
  }
};

const pairOf = ({ user_id, account_id }: Pick<Draft, "user_id" | "account_id">): string => `${user_id}/${account_id}`;

const pairs = (drafts: readonly Draft[]) =>
  sql`unnest(${drafts.map(({ user_id }) => String(user_id))}::bigint[], ${drafts.map(({ account_id }) => String(account_id))}::bigint[])`;

/** The reasons why profiles can't be stored; the rules, and their order, are those of CreateProfile. Users and accounts are locked. */
const faults = async (tx: Tx, drafts: readonly Draft[]): Promise<ReadonlyMap<Draft, DomainError>> => {
  const unwritable = await unwritableUsers(tx, [...new Set(drafts.map(({ user_id }) => user_id))]);
  const rows = await tx.rows(sql<{ is_account: boolean; is_profile: boolean }>`
    select exists (select from account a where a.id = w.account_id) as is_account,
      exists (select from user_profile p where (p.user_id, p.account_id) = (w.user_id, w.account_id)) as is_profile
    from ${pairs(drafts)} with ordinality as w (user_id, account_id, position) order by position`);
  const found = drafts.map((draft, index) => {
    const { is_account = false, is_profile = false } = rows[index] ?? {};
    const error =
      unwritable.get(draft.user_id) ??
      (is_account ? undefined : notFound("ACCOUNT_NOT_FOUND", "There is no such account.")) ??
      (is_profile ? alreadyExists("PROFILE_TAKEN", "The user has a profile in the account.") : undefined);
    return [draft, error] as const;
  });
  return new Map(found.filter((pair): pair is [Draft, DomainError] => pair[1] !== undefined));
};

const store = async (tx: Tx, drafts: readonly Draft[]): Promise<ReadonlyMap<string, ProfileRow>> => {
  await insertRows(tx, "user_profile", drafts);
  const rows = await tx.rows(sql<ProfileRow & { email: string }>`
    select p.*, u.email from ${pairs(drafts)} with ordinality as w (user_id, account_id, position)
    join user_profile p on (p.user_id, p.account_id) = (w.user_id, w.account_id) join users u on u.id = p.user_id
    order by position`);
  await addUsersToContacts(
    tx,
    rows.map(({ account_id, user_id, email }) => ({ accountId: account_id, user: { id: user_id, email } })),
  );
  return new Map(rows.map((row) => [pairOf(row), row]));
};

/** BatchCreateProfiles: stores profiles by a fixed number of statements. A refused profile does not affect the others. */
export const batchCreateProfiles =
  ({ write }: Dependencies): Operation<typeof method> =>
  (call, request) => {
    const drafts = request.profiles.map((profile, index) => orRefusal(() => newProfileOf(profile, `profiles[${index}].`)));
    const pairsOf = drafts.map((draft) => (isAccepted(draft) ? [pairOf(draft)] : []));
    assertDistinct(pairsOf, "profiles", "has the user and account of another one");
    const checked = drafts.filter(isAccepted);
    assertAnswerFits(checked, drafts.length);
    const accounts = [...new Set(checked.map(({ account_id }) => account_id))];
    const users = [...new Set(checked.map(({ user_id }) => user_id))];
    const aggregates: LookUpLocks = async (session) => [...(await memberAggregates(session, ...accounts)), ...users.map(userAggregate)];
    return write(call, { method, request, aggregates }, async (tx) => {
      const refused = await faults(tx, checked);
      const stored = await store(
        tx,
        checked.filter((draft) => !refused.has(draft)),
      );
      const results = drafts.map((draft, index) => {
        const error = isAccepted(draft) ? refused.get(draft) : draft;
        if (error !== undefined) return refusedEntry(error);
        const row = isAccepted(draft) ? stored.get(pairOf(draft)) : undefined;
        if (row === undefined) throw new Error("A profile that was just stored is not there.");
        return { result: { case: "profile" as const, value: toProfile(row) }, warnings: nameWarnings(row.name, `profiles[${index}].`) };
      });
      return { results };
    });
  };
