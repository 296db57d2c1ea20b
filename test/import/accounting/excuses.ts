import type { ReportLine } from "../../../src/import/report.ts";

/** What a note says to have changed: fields of the record, or columns. A note that is not here excuses nothing. */
const excuses: readonly (readonly [reason: string | RegExp, changed: readonly string[]])[] = [
  [/^renamed: another user has its username$/, ["username"]],
  [/^renamed: another (organization|project|team) has its slug$/, ["slug"]],
  [/^renamed by an earlier import, and stays so$/, ["username", "slug"]],
  [/^has another username here, which stays$/, ["username"]],
  [/^its external id is that of another user, who keeps it$/, ["external_id"]],
  [/^unverified: the address is verified for another user/, ["is_verified", "verified", "isVerified"]],
  [/^its validation token is that of another address too/, ["verification_hash", "verification_hash_time"]],
  [/^marked as the primary address, but the user has another one/, ["primary"]],
  [/^avatar_url is no picture that SetAvatar takes/, ["avatar_type"]],
  [/^not the default account/, ["is_default_account"]],
  [/^not the primary contact/, ["is_primary"]],
  [/^the primary contact here, which it stays$|^it became the primary contact of an account/, ["is_primary"]],
  [/^it has no name in the file, and got that of its user$/, ["name"]],
  [/^first_name and last_name left out/, ["first_name", "last_name"]],
  [/^an invitation of a verified address, which is a membership here$/, ["email", "invite_expire_time"]],
  [/^the system user stays active$/, ["is_active", "is_suspended", "isActive", "isSuspended"]],
];

/** The notes whose `about` ends with the columns that did not become those of the file. */
const listing = [
  /^it was changed here since, which stands/,
  /^seen here later than the file says, which stands$/,
  /^it is here, and the file has no say in it$/,
];

const isPartOf = (is: unknown, says: unknown): boolean =>
  Array.isArray(says) && Array.isArray(is) && is.every((member) => says.includes(member));

/** What a field may be instead, after a note that begins with its name; others may be anything. */
const instead: readonly (readonly [reason: RegExp, isFine: (is: unknown, says: unknown) => boolean])[] = [
  [/ has white space around it, which is left out$/, (is, says) => is === String(says).trim()],
  // As a set they are the same.
  [/^permissions hold one twice$/, () => false],
  [/^permissions hold one that /, isPartOf],
  [/^tags hold one twice/, isPartOf],
  [/^role is billing/, (is) => is === "MEMBER_ROLE_MEMBER"],
  [/^email is left out/, (is) => is === ""],
  [/^token_expires_at is left out/, (is) => is === undefined],
  [/^password can't be verified/, (is) => is === false || String(is).startsWith("!")],
  [/^avatar_url .*(letters|left out)$/, (is) => is === ""],
];

/** A user that joined an account here keeps nothing of the file. */
const JOINED = /^joined the account of its name here/;

/** Whether a line of the report says that this field, or this column, is not what the file says. */
export const excused = ({ reason, about }: ReportLine, field: string, column: string, is: unknown, says: unknown): boolean =>
  JOINED.test(reason) ||
  // Notes of readers are sentences that begin with the field.
  (reason.startsWith(`${field} `) && instead.every(([pattern, isFine]) => !pattern.test(reason) || isFine(is, says))) ||
  /^its .* \((\w+)\) was skipped, is neither/.exec(reason)?.[1] === column ||
  excuses.some(([pattern, changed]) => reason.match(pattern) !== null && (changed.includes(field) || changed.includes(column))) ||
  (listing.some((pattern) => pattern.test(reason)) && (about ?? "").replace(/^.*: /, "").split(", ").includes(column));
