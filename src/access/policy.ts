import { AccessRule } from "../gen/userd/v1/access_pb.ts";
import { AccessRelation } from "../gen/userd/v1/access_relation_pb.ts";

/** The setting READ_POLICY: users read their own resources, and those of their accounts' admins (`owner_only`) or members (`account_wide`). */
export type ReadPolicy = "owner_only" | "account_wide";

/** An owner of resources: a profile and its account. */
export type Owner = { readonly profileId: bigint; readonly accountId: bigint };

/** The rank and the profiles of a user, which decide the user's access. */
export type AccessUser = {
  /** The rank of the user; `nobody` = unknown, inactive, suspended or deleted. */
  readonly standing: "nobody" | "superuser" | "staff" | "regular";
  readonly profiles: readonly Owner[];
  /** The version of the user's aggregate, which rises with every change of these facts. */
  readonly version: bigint;
};

/** The id and the admins of an account, which decide what the account's users may read. */
export type AccessAccount = {
  /** The id; 0 = there is no such account. */
  readonly id: bigint;
  /** The ids of the profiles of its staff users. */
  readonly admins: readonly bigint[];
  /** The version of the account's aggregate, which rises with every change of these facts. */
  readonly version: bigint;
};

/** One profile of the user that asks, with its account and the platform account. */
type Member = { readonly profile: Owner; readonly account: AccessAccount; readonly platform: AccessAccount };

/** The owners that a rule is about: the profile of who asks, or the admins or everybody of the profile's account or the platform account. */
export type RuleOwners = "self" | `${"admins" | "everybody"} of the ${"account" | "platform"}`;

/** Owners: some profiles, or everybody in an account. */
type Owners = { readonly profiles: readonly Owner[] } | { readonly accountId: bigint };

/** A rule of access: which users may read, or own, the resources of which owners. */
export type Rule = {
  readonly rule: AccessRule;
  readonly gives: readonly AccessRelation[];
  /** The standing that a user needs for the rule; undefined = the rule is for every user that has a profile. */
  readonly standing?: AccessUser["standing"];
  /** The setting under which the rule holds; undefined = it holds under each. */
  readonly policy?: ReadPolicy;
  readonly owners: RuleOwners;
};

const { READ, OWN } = AccessRelation;

const adminsOf = ({ id, admins }: AccessAccount): Owners => ({ profiles: admins.map((profileId) => ({ profileId, accountId: id })) });

/** The owners of rules, for one profile of the user that asks. `ownerIsRelated` says the same in SQL. */
const ownersFor: Readonly<Record<RuleOwners, (member: Member) => Owners>> = {
  self: ({ profile }) => ({ profiles: [profile] }),
  "admins of the account": ({ account }) => adminsOf(account),
  "everybody of the account": ({ profile: { accountId } }) => ({ accountId }),
  "admins of the platform": ({ platform }) => adminsOf(platform),
  "everybody of the platform": ({ platform: { id: accountId } }) => ({ accountId }),
};

/** The rules of access for a user who has a profile and the rank `staff` or `regular`; the first rule that covers an owner decides. */
export const rules: readonly Rule[] = [
  { rule: AccessRule.SELF, gives: [READ, OWN], owners: "self" },
  { rule: AccessRule.STAFF_OF_ACCOUNT, gives: [READ, OWN], standing: "staff", owners: "everybody of the account" },
  { rule: AccessRule.ACCOUNT_ADMIN, gives: [READ], owners: "admins of the account" },
  { rule: AccessRule.ACCOUNT_PEER, gives: [READ], policy: "account_wide", owners: "everybody of the account" },
  { rule: AccessRule.PLATFORM_ADMIN, gives: [READ], owners: "admins of the platform" },
  { rule: AccessRule.PLATFORM_PEER, gives: [READ], policy: "account_wide", owners: "everybody of the platform" },
];

/** Returns the rules that give a relation under a read policy, for whichever rank of the user. */
export const rulesFor = (relation: AccessRelation, policy: ReadPolicy): readonly Rule[] => {
  const wanted = relation === OWN ? OWN : READ;
  return rules.filter((rule) => rule.gives.includes(wanted) && (rule.policy === undefined || rule.policy === policy));
};

/** A rule that gives a user a relation, and the owners whose resources it is about. */
type Grant = { readonly rule: AccessRule } & Owners;

/** The scope of a user: the owners whose resources the user may read, or own. It is all owners, none, or those that rules grant. */
export type Scope =
  | { readonly kind: "all"; readonly rule: AccessRule }
  | { readonly kind: "none"; readonly rule: AccessRule }
  | { readonly kind: "set"; readonly grants: readonly Grant[] };

/** The arguments of `scopeOf`, which computes the scope of a user. */
export type ScopeBasis = {
  readonly policy: ReadPolicy;
  readonly relation: AccessRelation;
  readonly user: AccessUser;
  /** The profiles of the user that count: all, or the one in the account that the question names. */
  readonly profiles: readonly Owner[];
  readonly accountOf: (id: bigint) => AccessAccount;
  readonly platform: AccessAccount;
};

/** Computes the scope of a user: all owners for a superuser, none for the rank `nobody` or without profiles, else those that `rules` grant. */
export const scopeOf = ({ policy, relation, user, profiles, accountOf, platform }: ScopeBasis): Scope => {
  if (user.standing === "nobody") return { kind: "none", rule: AccessRule.NOBODY };
  if (user.standing === "superuser") return { kind: "all", rule: AccessRule.SUPERUSER };
  if (profiles.length === 0) return { kind: "none", rule: AccessRule.NO_PROFILE };
  const applying = rulesFor(relation, policy).filter(({ standing }) => standing === undefined || standing === user.standing);
  const members = profiles.map((profile) => ({ profile, account: accountOf(profile.accountId), platform }));
  const grants = applying.flatMap(({ rule, owners }) => members.map((member): Grant => ({ rule, ...ownersFor[owners](member) })));
  // Without a platform account its rules name account 0, which nobody is in.
  return { kind: "set", grants: grants.filter((grant) => !("accountId" in grant) || grant.accountId !== 0n) };
};

/** The answer to a check of access: whether access is allowed, and the rule that decided. */
export type Decision = { readonly allowed: boolean; readonly rule: AccessRule };

const covers = (grant: Grant, { profileId, accountId }: Owner): boolean =>
  "accountId" in grant ? grant.accountId === accountId : grant.profiles.some((profile) => profile.profileId === profileId);

/** All decisions, frozen: a check that is answered with one of them is encoded once. */
const decisions = new Map<AccessRule, Readonly<Record<"allowed" | "refused", Decision>>>(
  Object.values(AccessRule).map((rule) => [
    rule,
    { allowed: Object.freeze({ allowed: true, rule }), refused: Object.freeze({ allowed: false, rule }) },
  ]),
);

const decisionOf = (outcome: "allowed" | "refused", rule: AccessRule): Decision => {
  const decision = decisions.get(rule)?.[outcome];
  if (decision === undefined) throw new Error("Every rule has its decisions.");
  return decision;
};

/** Decides whether a scope gives access to the resources of one owner; `owner` undefined = there is no such owner. */
export const decide = (scope: Scope, owner: Owner | undefined): Decision => {
  if (scope.kind === "none") return decisionOf("refused", scope.rule);
  if (owner === undefined) return decisionOf("refused", AccessRule.NO_OWNER);
  if (scope.kind === "all") return decisionOf("allowed", scope.rule);
  const grant = scope.grants.find((one) => covers(one, owner));
  return grant ? decisionOf("allowed", grant.rule) : decisionOf("refused", AccessRule.NOT_GRANTED);
};

/** Returns the owners in a scope as ascending lists of profile ids and account ids. A profile is left out when its account is listed. */
export const ownersOf = (scope: Extract<Scope, { kind: "set" }>): { profileIds: bigint[]; accountIds: bigint[] } => {
  const accountIds = new Set(scope.grants.flatMap((grant) => ("accountId" in grant ? [grant.accountId] : [])));
  const profiles = scope.grants.flatMap((grant) => ("profiles" in grant ? grant.profiles : []));
  const profileIds = new Set(profiles.filter(({ accountId }) => !accountIds.has(accountId)).map(({ profileId }) => profileId));
  const ascending = (a: bigint, b: bigint): number => (a < b ? -1 : Number(a > b));
  return { profileIds: [...profileIds].sort(ascending), accountIds: [...accountIds].sort(ascending) };
};
