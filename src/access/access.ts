import type { CacheKey } from "../cache/core.ts";
import type { ReadConsistency } from "../cache/read-consistency.ts";
import { type Call, type MaybePromise, whenReady } from "../call.ts";
import type { AccessRelation } from "../gen/userd/v1/access_relation_pb.ts";
import { platformAggregate } from "../versions/aggregate.ts";
import type { AccessAccounts, AccessUsers } from "./access.lookup.ts";
import { type AccessAccount, type AccessUser, type Owner, type ReadPolicy, type Scope, scopeOf } from "./policy.ts";

/** A question about access: the user who asks, and the relation to resources (to read or to own them) that is asked for. */
export type AccessQuestion = {
  readonly userId: bigint;
  readonly relation: AccessRelation;
  /** The account that the user asks as a member of; 0 = any account. */
  readonly accountId?: bigint;
};

/** The answer to a question about access: the user's scope, and a revision, a number that rises when the scope may have changed. */
export type AccessAnswer = { readonly scope: Scope; readonly revision: bigint };

/** The functions that answer questions about access, from the cache where they can. */
export type Access = {
  /** Answers questions in their order, with at most two statements for all that the cache misses. */
  readonly scopes: (call: Call, questions: readonly AccessQuestion[], reading: ReadConsistency) => MaybePromise<readonly AccessAnswer[]>;
  readonly scope: (call: Call, question: AccessQuestion, reading: ReadConsistency) => MaybePromise<AccessAnswer>;
};

/** An account that an answer was made from. */
type UsedAccount = { readonly wanted: CacheKey<bigint>; readonly account: AccessAccount };

/** An answer, with the question and the accounts that it was made from. */
type Answered = {
  readonly question: AccessQuestion;
  readonly accounts: readonly UsedAccount[];
  readonly answer: AccessAnswer;
};

const nobody: AccessUser = { standing: "nobody", profiles: [], version: 0n };
const noAccount: AccessAccount = { id: 0n, admins: [], version: 0n };

/** Computes the revision of an answer. It never falls: the user's version, which rises when other accounts count, is in the high bits. */
const revisionOf = (user: AccessUser, accounts: readonly AccessAccount[]): bigint =>
  BigInt.asUintN(63, (user.version << 32n) + accounts.reduce((sum, { version }) => sum + version, 0n));

const profilesFor = ({ accountId = 0n }: AccessQuestion, { profiles }: AccessUser): readonly Owner[] =>
  accountId === 0n ? profiles : profiles.filter((profile) => profile.accountId === accountId);

/** Tells whether accounts matter: the policy needs none to decide on nobody or on a superuser. */
const isMember = ({ standing }: AccessUser): boolean => standing === "staff" || standing === "regular";

const membersOf = (question: AccessQuestion, user: AccessUser): readonly Owner[] => (isMember(user) ? profilesFor(question, user) : []);

/** Makes the functions that answer questions about access, for one value of the setting READ_POLICY. */
export const createAccess = (
  { accessUsers, accessAccounts }: { readonly accessUsers: AccessUsers; readonly accessAccounts: AccessAccounts },
  policy: ReadPolicy,
): Access => {
  const { id: platformId } = platformAggregate;

  const answer = (
    question: AccessQuestion,
    user: AccessUser,
    accountOf: (id: bigint) => AccessAccount,
    platform: AccessAccount,
  ): AccessAnswer => {
    const profiles = profilesFor(question, user);
    const used = isMember(user) && profiles.length > 0 ? [platform, ...profiles.map(({ accountId }) => accountOf(accountId))] : [];
    const { relation } = question;
    return { scope: scopeOf({ policy, relation, user, profiles, accountOf, platform }), revision: revisionOf(user, used) };
  };

  /** The accounts that decide on a question about a user. */
  const accountsOf = (question: AccessQuestion, user: AccessUser): readonly bigint[] => {
    const members = membersOf(question, user);
    return members.length === 0 ? [] : [platformId, ...members.map(({ accountId }) => accountId)];
  };

  /** The last answer for each user that the cache holds, with what it was made from: the same parts make the same scope. */
  const answered = new WeakMap<AccessUser, Answered>();
  const isSame = (a: AccessQuestion, b: AccessQuestion): boolean =>
    a.relation === b.relation && (a.accountId ?? 0n) === (b.accountId ?? 0n);

  /** The last answer for this user, if it was to the same question and the accounts are the same still. */
  const known = (user: AccessUser, question: AccessQuestion, isStill: (used: UsedAccount) => boolean): AccessAnswer | undefined => {
    const last = answered.get(user);
    return last !== undefined && isSame(last.question, question) && last.accounts.every(isStill) ? last.answer : undefined;
  };

  /** Answers a question, and keeps the answer with what it is made from. */
  const remembered = (user: AccessUser, question: AccessQuestion, accountOf: (id: bigint) => AccessAccount): AccessAnswer => {
    const ids = accountsOf(question, user);
    const made = answer(question, user, accountOf, accountOf(platformId));
    answered.set(user, {
      question: { userId: question.userId, relation: question.relation, accountId: question.accountId ?? 0n },
      accounts: ids.map((id) => ({ wanted: accessAccounts.named(id), account: accountOf(id) })),
      answer: made,
    });
    return made;
  };

  const scopes: Access["scopes"] = (call, questions, reading) =>
    whenReady(
      accessUsers.getAll(
        call,
        questions.map(({ userId }) => userId),
        reading,
      ),
      (users) => {
        const userOf = (index: number): AccessUser => users[index] ?? nobody;
        const ids = new Set(questions.flatMap((question, index) => membersOf(question, userOf(index)).map(({ accountId }) => accountId)));
        const wanted = ids.size === 0 ? [] : [platformId, ...ids];
        return whenReady(accessAccounts.getAll(call, wanted, reading), (cached) => {
          const accounts = new Map(wanted.map((id, index) => [id, cached[index] ?? noAccount]));
          const accountOf = (id: bigint): AccessAccount => accounts.get(id) ?? noAccount;
          const isStill = ({ wanted: { key }, account }: UsedAccount) => accountOf(key) === account;
          return questions.map((question, index) => {
            const user = userOf(index);
            return known(user, question, isStill) ?? remembered(user, question, accountOf);
          });
        });
      },
    );

  const answerAnew = (call: Call, user: AccessUser, question: AccessQuestion, reading: ReadConsistency): MaybePromise<AccessAnswer> => {
    const ids = accountsOf(question, user);
    return whenReady(accessAccounts.getAll(call, ids, reading), (accounts) =>
      remembered(user, question, (id) => accounts[ids.indexOf(id)] ?? noAccount),
    );
  };

  return {
    scopes,
    scope: (call, question, reading) =>
      whenReady(
        accessUsers.get(call, question.userId, reading),
        (user) =>
          known(user, question, ({ wanted, account }) => accessAccounts.cached(wanted, reading) === account) ??
          answerAnew(call, user, question, reading),
      ),
  };
};
