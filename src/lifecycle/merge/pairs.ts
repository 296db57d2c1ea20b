import { sql } from "kysely";
import { OWNER_PROFILE_ID } from "../../contract/kinds/kind.ts";
import type { Session } from "../../db/session.ts";
import { ownedKinds } from "../../kinds/owned.ts";
import { lifeOfKind, type MergeRule, tables, userColumnsOf } from "../tables.ts";

/** Rows that a merge takes from one owner to another: those of a table whose column names the owner. */
export type Pair = {
  readonly table: string;
  readonly column: string;
  readonly from: bigint;
  /** The new owner; undefined = a profile that the merge is going to make. */
  readonly to: bigint | undefined;
  readonly rule: MergeRule;
  readonly secrets: readonly string[];
  /** Only rows of organizations that are locked are taken: a foreign key keeps what others refer to. */
  readonly isReference?: true;
};

/** A profile of the source, and the one of the target in the same account; undefined = the target has none there. */
export type ProfilePair = { readonly from: bigint; readonly account: bigint; readonly to: bigint | undefined };

/** An organization that both users are members of: the two memberships. */
type MemberPair = { readonly from: bigint; readonly to: bigint };

/** All that a merge takes from one user to another one, in the order in which it does. */
export type Pairs = { readonly profiles: readonly ProfilePair[]; readonly pairs: readonly Pair[] };

type Named = keyof typeof tables;

const pairOf = (table: Named, column: string, from: bigint, to: bigint | undefined): Pair => {
  const { merge, secrets = [] }: { readonly merge: MergeRule; readonly secrets?: readonly string[] } = tables[table];
  return { table, column, from, to, rule: merge, secrets };
};

/** The rule for memberships of teams of an organization that both are members of. */
const teams: MergeRule = { as: "rows", key: ["team_id"], values: [], joins: { role: "greatest", create_time: "least" } };

/** The tables of users whose rows need no code of their own, in the order of the list. */
const ofUsers: readonly Named[] = [
  "user_email",
  "user_option",
  "user_permission",
  "role_member",
  "identity",
  "auth_identity",
  "authenticator",
  "organization_member",
  "account_contact",
  "user_ip",
  "password_reset",
  "option_revision",
];

/** Reads what two users have that a merge has to take from one to the other, besides rows that name the users themselves. */
export const pairsOf = async (session: Session, from: bigint, to: bigint): Promise<Pairs> => {
  const profiles = await session.rows(sql<{ from: bigint; account: bigint; to: bigint | null }>`
    select s.id as "from", s.account_id as account, t.id as "to" from user_profile s
    left join user_profile t on t.account_id = s.account_id and t.user_id = ${to} where s.user_id = ${from} order by s.id`);
  const members = await session.rows(sql<MemberPair>`
    select s.id as "from", t.id as "to" from organization_member s
    join organization_member t on t.organization_id = s.organization_id and t.user_id = ${to} where s.user_id = ${from} order by s.id`);
  const { kinds } = session.kinds;
  const owned = ownedKinds(session.kinds);
  const pairs: Pair[] = [
    ...profiles.flatMap((profile): Pair[] => [
      pairOf("resource", OWNER_PROFILE_ID, profile.from, profile.to ?? undefined),
      ...owned.map((kind): Pair => {
        const { merge, secrets = [] } = lifeOfKind(kind);
        return { table: kind.table, column: OWNER_PROFILE_ID, from: profile.from, to: profile.to ?? undefined, rule: merge, secrets };
      }),
    ]),
    ...members.map((member): Pair => ({ table: "team_member", column: "member_id", ...member, rule: teams, secrets: [] })),
    ...ofUsers.map((table) => pairOf(table, "user_id", from, to)),
    ...kinds
      .filter(({ isLarge, belongsTo }) => !isLarge && belongsTo?.to !== "profile")
      .flatMap((kind) =>
        userColumnsOf(kind).map((column): Pair => {
          return { table: kind.table, column, from, to, rule: { as: "moves" }, secrets: [], isReference: true };
        }),
      ),
  ];
  return { profiles: profiles.map((profile) => ({ ...profile, to: profile.to ?? undefined })), pairs };
};
