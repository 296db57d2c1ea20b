import type { DescMethod, Message } from "@bufbuild/protobuf";
import { type RawBuilder, sql } from "kysely";
import type { Call } from "../call.ts";
import { type ActingRule, actingRulesOf, isAboutUsers, isSilent } from "../contract/acting.ts";
import { declaredReasons } from "../contract/reasons.ts";
import type { Session } from "../db/session.ts";
import { type DomainError, forbidden, notFound } from "../errors.ts";
import { ActingNeed } from "../gen/userd/v1/options_pb.ts";
import { administers, anyHasPower, anyIsAbove, isStaffOfAll } from "../users/powers.ts";
import { presentUser } from "../users/present.ts";
import { type ActingSettings, Level, type Wanted, wanted } from "./levels.ts";

/** What the acting user is, and a column for each rule that the database has to be asked about. */
type Facts = { readonly is_superuser: boolean; readonly administers: boolean } & Readonly<Record<`rule${number}`, number | boolean>>;

const refused = (method: DescMethod): DomainError =>
  forbidden("PERMISSION_REQUIRED", `The acting user may not call ${method.parent.name}/${method.name} for this.`);

const lacksPermission = (): DomainError =>
  forbidden("PERMISSION_REQUIRED", "The acting user lacks the permission users.admin.", { metadata: { permission: "users.admin" } });

/** Makes the error for an acting user who is unknown, inactive, suspended or deleted, all alike. */
const notPresent = (): DomainError => forbidden("ACTING_USER_NOT_PRESENT", "The acting user is unknown, inactive, suspended or deleted.");

const nouns: Readonly<Record<Wanted["hidden"], string>> = {
  ORGANIZATION_NOT_FOUND: "organization",
  OPTION_SCOPE_NOT_FOUND: "project or organization, or it is deleted",
  PROJECT_NOT_FOUND: "project",
  TEAM_NOT_FOUND: "team",
  ACCOUNT_NOT_FOUND: "account",
  PROFILE_NOT_FOUND: "profile",
  PROVIDER_NOT_FOUND: "provider",
};

/** Returns the error for what the acting user must not read, which may not exist: NOT_FOUND where the RPC has that, else that of all refusals. */
const hidden = (method: DescMethod, { hidden: reason }: Wanted): DomainError => {
  const reasons: ReadonlySet<string> = declaredReasons(method).call;
  return reasons.has(reason) ? notFound(reason, `There is no such ${nouns[reason]}.`) : refused(method);
};

/** Tells whether a rule asks about these users nothing but that they are the acting user, which is so. */
const isSelf = (values: readonly unknown[], actingUserId: bigint): boolean =>
  values.length > 0 && values.every((id) => id === actingUserId);

/** Makes the column of a rule; undefined = the facts about the acting user decide. */
const columnOf = (rule: ActingRule, actingUserId: bigint, request: Message, settings: ActingSettings): RawBuilder<unknown> | undefined => {
  const values = rule.valuesAt(request);
  if (values.length === 0) return undefined;
  if (isAboutUsers(rule.need)) {
    if (rule.need === ActingNeed.USER_SELF || isSelf(values, actingUserId)) return undefined;
    return rule.need === ActingNeed.USER_READ ? isStaffOfAll(values) : anyIsAbove(values);
  }
  return wanted[rule.need]?.of(values, request, settings);
};

/** Returns the error with which a rule about users refuses; undefined = it is met. */
const refusalAboutUsers = (
  method: DescMethod,
  rule: ActingRule,
  facts: Facts,
  found: unknown,
  values: readonly unknown[],
  self: bigint,
) => {
  if (isSelf(values, self)) return undefined;
  const isAdministrator = facts.is_superuser || facts.administers;
  if (rule.need === ActingNeed.USER_READ) return isAdministrator || found === true ? undefined : refused(method);
  if (!isAdministrator) return refused(method);
  return found === true && !facts.administers ? refused(method) : undefined;
};

/** Returns the error with which a rule refuses; undefined = it is met. */
const refusalOf = (
  method: DescMethod,
  rule: ActingRule,
  facts: Facts,
  found: unknown,
  request: Message,
  self: bigint,
): DomainError | undefined => {
  const values = rule.valuesAt(request);
  const isAdministrator = facts.is_superuser || facts.administers;
  if (rule.field !== "" && values.length === 0) return isSilent(rule, request) || isAdministrator ? undefined : refused(method);
  if (isAboutUsers(rule.need)) return refusalAboutUsers(method, rule, facts, found, values, self);
  if (rule.need === ActingNeed.PERMISSION) return facts.administers ? undefined : lacksPermission();
  if (rule.need === ActingNeed.ADMINISTRATOR) return isAdministrator ? undefined : refused(method);
  const want = wanted[rule.need];
  if (want === undefined || facts.is_superuser) return undefined;
  const level =
    rule.orSelf !== "" && isSelf(rule.selvesAt(request), self) ? (want.level === Level.READ ? Level.HIDDEN : Level.READ) : want.level;
  if ((found as number) >= level) return undefined;
  return found === Level.HIDDEN ? hidden(method, want) : refused(method);
};

/** What a check needs of a call. */
type ActingCall = Pick<Call, "actingUserId" | "caller">;

/** Checks that none of the users has power. Throws PERMISSION_DENIED PERMISSION_REQUIRED. */
const requireNoPower = async (session: Session, users: readonly unknown[]): Promise<void> => {
  const { has_power } = await session.one(sql<{ has_power: boolean }>`select ${anyHasPower(users)} as has_power`);
  if (has_power)
    throw forbidden(
      "PERMISSION_REQUIRED",
      "The user has power: the caller needs the permission users.admin, or an acting user who may do this.",
      {
        metadata: { permission: "users.admin" },
      },
    );
};

/** Refuses a call without acting user that decides who can sign in as a user with power, unless the caller has users.admin. */
const permitCaller = (session: Session, { caller }: ActingCall, method: DescMethod, request: Message): Promise<void> | undefined => {
  if (caller.permissions.has("users.admin")) return undefined;
  const users = actingRulesOf(method).flatMap(({ need, valuesAt }) => (need === ActingNeed.USER_CREDENTIALS ? valuesAt(request) : []));
  return users.length === 0 ? undefined : requireNoPower(session, users);
};

/** Checks the acting user by the rules of the RPC, with one statement. */
const permitUser = async (
  settings: ActingSettings,
  session: Session,
  self: bigint,
  method: DescMethod,
  request: Message,
): Promise<void> => {
  const rules = actingRulesOf(method);
  const columns = rules.flatMap((rule, index) => {
    const column = columnOf(rule, self, request, settings);
    return column === undefined ? [] : [sql`, ${column} as ${sql.ref(`rule${index}`)}`];
  });
  const facts = await session.row(sql<Facts>`
    select u.is_superuser, ${administers} as administers${sql.join(columns, sql``)}
    from users u where u.id = ${self} and ${presentUser("u")}`);
  if (facts === undefined) throw notPresent();
  if (rules.every((rule) => isSilent(rule, request)) && !facts.is_superuser && !facts.administers) throw refused(method);
  for (const [index, rule] of rules.entries()) {
    const error = refusalOf(method, rule, facts, facts[`rule${index}`], request, self);
    if (error !== undefined) throw error;
  }
};

/**
 * Refuses a call by the rules of its RPC for acting users, with one statement at most. In the transaction of a write it sees what is committed then;
 * what the write has locked can't change any more.
 * @throws PERMISSION_DENIED ACTING_USER_NOT_PRESENT, PERMISSION_REQUIRED; NOT_FOUND for what the user must not read.
 */
export const permit = (
  settings: ActingSettings,
  session: Session,
  call: ActingCall,
  method: DescMethod,
  request: Message,
): Promise<void> | undefined =>
  call.actingUserId === undefined
    ? permitCaller(session, call, method, request)
    : permitUser(settings, session, call.actingUserId, method, request);
