import { platformSubject } from "../cache/subject.ts";
import type { Call } from "../call.ts";
import type { AccessRelation } from "../gen/users/v1/access_relation_pb.ts";
import type { AccessLoader } from "./access.loader.ts";
import { type AccessAccount, type AccessUser, type Owner, type ReadPolicy, type Scope, scopeOf } from "./policy.ts";

/** Who asks, and for what. */
export type AccessQuestion = {
  readonly userId: bigint;
  readonly relation: AccessRelation;
  /** Only as a member of this account; 0 = of all. */
  readonly accountId?: bigint;
};

/** A scope, and how new it is. */
export type AccessAnswer = { readonly scope: Scope; readonly revision: bigint };

/** Answers whose resources users may read or own. */
export type Access = {
  /** One answer per question, in their order: two statements at most, however many there are. */
  readonly scopes: (call: Call, questions: readonly AccessQuestion[]) => Promise<readonly AccessAnswer[]>;
  readonly scope: (call: Call, question: AccessQuestion) => Promise<AccessAnswer>;
};

const nobody: AccessUser = { standing: "nobody", profiles: [], version: 0n };
const noAccount: AccessAccount = { id: 0n, admins: [], version: 0n };

/**
 * The version of the user counts first, those of the accounts after it: which accounts they are changes only with the
 * user's. So it never falls, whatever a user loses.
 */
const revisionOf = (user: AccessUser, accounts: readonly AccessAccount[]): bigint =>
  BigInt.asUintN(63, (user.version << 32n) + accounts.reduce((sum, { version }) => sum + version, 0n));

const profilesFor = ({ accountId = 0n }: AccessQuestion, { profiles }: AccessUser): readonly Owner[] =>
  accountId === 0n ? profiles : profiles.filter((profile) => profile.accountId === accountId);

/** The policy needs no accounts to decide on nobody or on a superuser. */
const isMember = ({ standing }: AccessUser): boolean => standing === "staff" || standing === "regular";

/** Makes it, under one policy. */
export const createAccess = (loader: AccessLoader, policy: ReadPolicy): Access => {
  const scopes: Access["scopes"] = async (call, questions) => {
    const users = await loader.users(call, [...new Set(questions.map(({ userId }) => userId).filter((id) => id !== 0n))]);
    const asked = questions.map((question) => {
      const user = users.get(question.userId) ?? nobody;
      return { question, user, profiles: profilesFor(question, user) };
    });
    const wanted = new Set(asked.flatMap(({ user, profiles }) => (isMember(user) ? profiles.map(({ accountId }) => accountId) : [])));
    const { id: platformId } = platformSubject;
    const accounts = await loader.accounts(call, wanted.size === 0 ? [] : [platformId, ...wanted]);
    const accountOf = (id: bigint): AccessAccount => accounts.get(id) ?? noAccount;
    const platform = accountOf(platformId);
    return asked.map(({ question: { relation }, user, profiles }) => {
      const used = isMember(user) && profiles.length > 0 ? [platform, ...profiles.map(({ accountId }) => accountOf(accountId))] : [];
      return { scope: scopeOf({ policy, relation, user, profiles, accountOf, platform }), revision: revisionOf(user, used) };
    });
  };
  return {
    scopes,
    scope: async (call, question) => {
      const [answer] = await scopes(call, [question]);
      if (answer === undefined) throw new Error("Every question has an answer.");
      return answer;
    },
  };
};
