import type { PrintedNeed, PrintedRpc } from "./table.ts";
import type { Actor, TargetName } from "./world.ts";

/** A caller of the matrix: its permissions, and whether it is bound to its acting user. */
export type MatrixCaller = { readonly name: string; readonly permissions: ReadonlySet<string>; readonly isSelf: boolean };

/** What a call is expected to end with: it is let through, or refused with a status and a reason. */
export type Expected = "through" | `${"PermissionDenied" | "NotFound"} ${string}`;

const REFUSED = "PermissionDenied PERMISSION_REQUIRED";

const kindsOf: Readonly<Record<string, string>> = {
  ORGANIZATION: "ORGANIZATION_NOT_FOUND",
  MEMBERS: "ORGANIZATION_NOT_FOUND",
  AUTH: "PROVIDER_NOT_FOUND",
  PROJECT: "PROJECT_NOT_FOUND",
  TEAM: "TEAM_NOT_FOUND",
  ACCOUNT: "ACCOUNT_NOT_FOUND",
  PROFILE: "PROFILE_NOT_FOUND",
  REGISTERED: "PROFILE_NOT_FOUND",
  OPTIONS: "OPTION_SCOPE_NOT_FOUND",
};

/** What an actor may do with a thing of the target `here`: 0 nothing, 1 read, 2 own, 3 rule. */
const levelHere = (group: string, actor: Actor): number => {
  const inOrganization = actor.role === 4 ? 3 : actor.role === 3 ? 2 : actor.role > 0 ? 1 : 0;
  if (group === "PROJECT" || group === "TEAM") return Math.max(inOrganization, actor.isTeamAdmin ? 2 : 0);
  if (group === "ACCOUNT") return actor.isOfAccount ? (actor.isStaff ? 2 : 1) : 0;
  if (group === "PROFILE" || group === "REGISTERED") return actor.isSubject || (actor.isOfAccount && actor.isStaff) ? 2 : 0;
  return inOrganization;
};

const levelNeeded = (need: string): number => (/_OWNER$/.test(need) ? 3 : /_OWN$|^MEMBERS$/.test(need) ? 2 : 1);

const aboutUsers = (need: string, actor: Actor, target: TargetName): Expected => {
  if (actor.isSubject && target === "here") return "through";
  const isAdministrator = actor.isSuperuser || actor.isAdmin;
  if (need === "USER_READ" && actor.isStaff && actor.isOfAccount && target === "here") return "through";
  if (!isAdministrator) return REFUSED;
  // The mighty user has a permission that a mere superuser lacks.
  return target === "mighty" && !actor.isAdmin && /WRITE|CREDENTIALS/.test(need) ? REFUSED : "through";
};

/** What one need says; undefined = it asks nothing of this request. */
const oneNeed = (
  { need, field, isOptional, orSelf }: PrintedNeed,
  actor: Actor,
  target: TargetName,
  isSet: (field: string) => boolean,
  reasons: ReadonlySet<string>,
): Expected | undefined => {
  const isAdministrator = actor.isSuperuser || actor.isAdmin;
  if (field !== "" && !isSet(field)) {
    if (isOptional) return undefined;
    return isAdministrator ? "through" : REFUSED;
  }
  if (["ANYBODY", "BEARER", "RESOURCE"].includes(need)) return "through";
  if (need === "PERMISSION") return actor.isAdmin ? "through" : REFUSED;
  if (need === "ADMINISTRATOR") return isAdministrator ? "through" : REFUSED;
  if (need.startsWith("USER_")) return aboutUsers(need, actor, target);
  if (actor.isSuperuser) return "through";
  const [group = ""] = need.split("_");
  const level = target === "here" || target === "mighty" ? levelHere(group, actor) : 0;
  const isOneself = orSelf !== "" && isSet(orSelf) && actor.isSubject && target === "here";
  const needed = levelNeeded(need) - (isOneself ? (levelNeeded(need) === 1 ? 1 : levelNeeded(need) - 1) : 0);
  if (level >= needed) return "through";
  const reason = kindsOf[group] ?? "";
  return level === 0 && reasons.has(reason) ? `NotFound ${reason}` : REFUSED;
};

/** What a call is to end with, by the printed table alone. */
export const expected = (
  { permission, needs, isForSelf }: PrintedRpc,
  caller: MatrixCaller,
  actor: Actor | undefined,
  target: TargetName,
  isSet: (field: string) => boolean,
  reasons: ReadonlySet<string>,
): Expected => {
  if (!caller.permissions.has(permission)) return REFUSED;
  if (caller.isSelf && actor === undefined) return "PermissionDenied ACTING_USER_REQUIRED";
  if (caller.isSelf && !isForSelf) return REFUSED;
  // The documents say so below the table.
  const byCaller = isSet("with_user") && !caller.permissions.has("users.read") ? REFUSED : "through";
  if (actor === undefined) {
    const decides = needs.some(({ need, field }) => need === "USER_CREDENTIALS" && isSet(field));
    return decides && target === "mighty" && !caller.permissions.has("users.admin") ? REFUSED : byCaller;
  }
  if (!actor.isPresent) return "PermissionDenied ACTING_USER_NOT_PRESENT";
  const told = needs.flatMap((need) => oneNeed(need, actor, target, isSet, reasons) ?? []);
  if (told.length === 0) return actor.isSuperuser || actor.isAdmin ? byCaller : REFUSED;
  return told.find((one) => one !== "through") ?? byCaller;
};
