import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { UserFilter } from "../gen/userd/v1/user_list_pb.ts";
import { momentOf } from "../moment.ts";
import { canonicalName } from "../names/canonical.ts";

/** A flag of a user that lists can be filtered by. */
export type UserFlag = "is_active" | "is_staff" | "is_superuser" | "is_app" | "is_suspended";

/** A time of a user that lists can be filtered by; a user may lack the last two. */
export type UserTime = "date_joined" | "last_login" | "last_active";

/** A condition of a list of users. Users in the list meet each of its conditions, by at least one of the condition's values. */
export type UserCondition =
  | { readonly kind: "ids"; readonly ids: readonly bigint[] }
  | { readonly kind: "usernames"; readonly canonicalNames: readonly string[] }
  | { readonly kind: "externalIds"; readonly externalIds: readonly string[] }
  /** The role with this id; 0 = a role that nobody has. */
  | { readonly kind: "role"; readonly id: bigint }
  /** A time at or after `since` and before `before`. A time that the user does not have is before every moment. */
  | { readonly kind: "time"; readonly time: UserTime; readonly since: Date | undefined; readonly before: Date | undefined }
  | { readonly kind: "members"; readonly organizationId: bigint }
  /** The user has an address that is one of `canonicalNames`, if given, and that is verified or not as `verified` says, if given. */
  | { readonly kind: "emails"; readonly canonicalNames?: readonly string[]; readonly verified?: boolean }
  | { readonly kind: "flags"; readonly anyOf: readonly { readonly flag: UserFlag; readonly value: boolean }[] }
  /** Users who have one of the permissions, by a grant of their own or by a role. */
  | { readonly kind: "permissions"; readonly permissions: readonly string[] }
  | { readonly kind: "authenticators"; readonly types: readonly number[] }
  | { readonly kind: "hasAuthenticator"; readonly value: boolean }
  /** LIKE patterns over the lines of user_search. */
  | { readonly kind: "lines"; readonly patterns: readonly string[] };

/** The least characters of a text that is looked for anywhere: no index finds a shorter one but at the beginning. */
const MIN_SUBSTRING = 3;

/** Returns text folded as the lines are, with what LIKE would take for wildcards escaped. */
const literal = (text: string): string =>
  canonicalName(text)
    .replaceAll("\n", " ")
    .replace(/[\\%_]/g, "\\$&");

/** Makes the condition that a name, username or address of a user contains a text, or begins with a text of fewer than 3 characters. */
export const containing = (text: string): UserCondition => {
  const line = [...text].length < MIN_SUBSTRING ? `\n${literal(text)}` : literal(text);
  return { kind: "lines", patterns: [`%${line}%`] };
};

/** Makes the condition that a user's name is one of `names`, by a search in the table user_search, which has the name as first line. */
export const named = (names: readonly string[]): UserCondition => ({
  kind: "lines",
  patterns: names.map((name) => `\n${literal(name)}\n%`),
});

const flag = (name: UserFlag, value: boolean | undefined): UserCondition[] =>
  value === undefined ? [] : [{ kind: "flags", anyOf: [{ flag: name, value }] }];

const emails = ({ emails: listed, emailVerified }: UserFilter): UserCondition[] => {
  if (listed.length === 0 && emailVerified === undefined) return [];
  return [
    {
      kind: "emails",
      ...(listed.length > 0 && { canonicalNames: listed.map(canonicalName) }),
      ...(emailVerified !== undefined && { verified: emailVerified }),
    },
  ];
};

const timed = (time: UserTime, since: Timestamp | undefined, before: Timestamp | undefined): UserCondition[] =>
  since === undefined && before === undefined
    ? []
    : [{ kind: "time", time, since: since && momentOf(since), before: before && momentOf(before) }];

const times = (filter: UserFilter): UserCondition[] => [
  ...timed("date_joined", filter.joinedSince, filter.joinedBefore),
  ...timed("last_login", filter.lastLoginSince, filter.lastLoginBefore),
  ...timed("last_active", filter.lastActiveSince, filter.lastActiveBefore),
];

/**
 * Converts a filter to conditions; undefined = none. The filter's role is left to `listConditions`, which has to read it from the database.
 * @throws INVALID_ARGUMENT FIELD_INVALID on a time that is not valid.
 */
export const conditionsOf = (filter: UserFilter | undefined): readonly UserCondition[] => {
  if (filter === undefined) return [];
  const { userIds, usernames, organizationId, permission, authenticatorTypes, withoutAuthenticator, query } = filter;
  const conditions: UserCondition[] = [
    ...emails(filter),
    ...flag("is_active", filter.isActive),
    ...flag("is_staff", filter.isStaff),
    ...flag("is_superuser", filter.isSuperuser),
    ...flag("is_app", filter.isApp),
    ...flag("is_suspended", filter.isSuspended),
    ...times(filter),
  ];
  if (userIds.length > 0) conditions.push({ kind: "ids", ids: userIds });
  if (usernames.length > 0) conditions.push({ kind: "usernames", canonicalNames: usernames.map(canonicalName) });
  if (filter.externalIds.length > 0) conditions.push({ kind: "externalIds", externalIds: filter.externalIds });
  if (organizationId !== 0n) conditions.push({ kind: "members", organizationId });
  if (permission !== "") conditions.push({ kind: "permissions", permissions: [permission] });
  if (authenticatorTypes.length > 0) conditions.push({ kind: "authenticators", types: authenticatorTypes });
  if (withoutAuthenticator !== undefined) conditions.push({ kind: "hasAuthenticator", value: !withoutAuthenticator });
  if (query !== "") conditions.push(containing(query));
  return conditions;
};
