import { sql } from "kysely";
import { authenticators } from "../readers/sentry-authenticator.ts";
import { authIdentities } from "../readers/sentry-authidentity.ts";
import { authProviders } from "../readers/sentry-authprovider.ts";
import { identities } from "../readers/sentry-identity.ts";
import { identityProviders } from "../readers/sentry-identityprovider.ts";
import { ips } from "../readers/sentry-userip.ts";
import { permissions } from "../readers/sentry-userpermission.ts";
import { roles } from "../readers/sentry-userrole.ts";
import { roleMembers } from "../readers/sentry-userroleuser.ts";
import { isGiven, type StagingTable } from "../staging.ts";
import { type ImportTx, isForeign } from "../transaction.ts";
import { resolveUsers, skipOfJoined, skipUsersHere } from "./references.ts";
import { mergeRows } from "./rows.ts";
import { skip, skipRepeated } from "./skip.ts";
import type { Target } from "./target.ts";

/** A table of rows that belong to users, and to something else too. */
type Belonging = Target & {
  /** The other owner: its staging table, the column that names it, and where it is found if not by its pk in the file. */
  readonly parent?: {
    readonly staging: StagingTable;
    readonly column: string;
    readonly found?: readonly (readonly [from: string, where: string])[];
  };
  /** A provider knows one user by one name. */
  readonly isLink?: true;
};

const linked = { data: "null", create_time: "now()", verify_time: "now()" } as const;

const belongings: readonly Belonging[] = [
  { staging: permissions, key: ["user_id", "permission"], columns: {} },
  {
    staging: roleMembers,
    key: ["user_id", "role_id"],
    columns: { create_time: "now()" },
    parent: {
      staging: roles,
      column: "role_id",
      // Roles come from several models, and natural keys also name those that are here.
      found: [
        [roles.name, "p.pk = t.parent_pk and p.model = t.parent_model"],
        [roles.name, "p.name = t.parent_name"],
        ["role", "p.name = t.parent_name"],
      ],
    },
  },
  {
    staging: ips,
    key: ["user_id", "ip"],
    columns: { country_code: "null", region_code: "null", first_seen: "now()", last_seen: "now()" },
  },
  {
    staging: authenticators,
    key: ["user_id", "type"],
    columns: { config: "null", create_time: "now()", last_used_time: "null" },
  },
  {
    staging: identities,
    key: ["user_id", "provider_id"],
    columns: { external_id: "null", ...linked, scopes: "'{}'", status: "0" },
    parent: {
      staging: identityProviders,
      column: "provider_id",
      found: [
        [identityProviders.name, "p.pk = t.parent_pk and p.model = t.parent_model"],
        // allauth names a provider by its own id where it has one, and else by its type.
        [identityProviders.name, "p.external_id = t.parent_name and p.model = 'socialaccount.socialapp'"],
        [identityProviders.name, "p.type = t.parent_name and p.external_id = ''"],
        ["identity_provider", "p.type = t.parent_name and p.external_id = ''"],
      ],
    },
    isLink: true,
  },
  {
    staging: authIdentities,
    key: ["user_id", "provider_id"],
    columns: { external_id: "null", ...linked, sync_time: "null" },
    parent: { staging: authProviders, column: "provider_id" },
    isLink: true,
  },
];

const resolveParent = async (tx: ImportTx, { staging, parent }: Belonging): Promise<void> => {
  if (parent === undefined) return;
  const { column, found = [[parent.staging.name, "p.pk = t.parent_pk"]] } = parent;
  for (const [from, where] of found) {
    const condition = sql.raw(`t.${column} is null and ${where}`);
    await tx.rows(sql`update ${sql.table(staging.name)} t set ${sql.ref(column)} = p.id from ${sql.table(from)} p where ${condition}`);
  }
  await skip(tx, staging, "what it links the user to is not in the file", `t.${parent.column} is null`);
};

/** An external id that is linked to another user, in the file or here, stays with that user. */
const settleLinks = async (tx: ImportTx, { staging }: Belonging): Promise<void> => {
  const reason = "its external id is linked to another user";
  await skipRepeated(tx, staging, reason, "provider_id, external_id", "pk desc");
  const isElsewhere = "x.provider_id = t.provider_id and x.external_id = t.external_id and x.user_id <> t.user_id";
  await skip(tx, staging, reason, `exists (select from ${staging.table} x where ${isElsewhere})`);
};

/** Skips links to a role that gives more permissions here than in the file: nobody gets more by a mere name. */
const skipLargerRoles = (tx: ImportTx) =>
  skip(
    tx,
    roleMembers,
    "the role of this name here gives more permissions than that of the file",
    `not exists (select from role_member m where m.user_id = t.user_id and m.role_id = t.role_id)
      and exists (select from role_permission p where p.role_id = t.role_id and p.permission <> all(coalesce(
        (select r.permissions from import_role r where r.id = t.role_id limit 1), '{}')))`,
  );

const canonicalIps = (tx: ImportTx) => tx.rows(sql`update import_ip set ip = host(ip::inet) where ip <> host(ip::inet)`);

/** The same config is encrypted differently each time. It stays as it is here, so that importing a file again changes nothing. */
const keepEqualConfigs = async (tx: ImportTx): Promise<void> => {
  const rows = await tx.rows(sql<{ record: bigint; staged: Buffer; stored: Buffer }>`
    select s.record, s.config as staged, t.config as stored from import_authenticator s
    join authenticator t on t.user_id = s.user_id and t.type = s.type where s.config is not null and t.config is not null`);
  const equal = rows
    .filter(({ staged, stored }) => tx.vault.unlock(staged) === tx.vault.unlock(stored))
    .map(({ record }) => String(record));
  await tx.rows(sql`update import_authenticator s set config = t.config from authenticator t
    where t.user_id = s.user_id and t.type = s.type and s.record = any(${equal}::bigint[])`);
};

/** Writes the rows that belong to users: permissions, links to roles, identities, auth identities, second factors and IP addresses. */
export const mergeBelongings = async (tx: ImportTx): Promise<void> => {
  if (isGiven(tx, ips)) await canonicalIps(tx);
  for (const target of belongings) {
    const { staging, key } = target;
    if (!isGiven(tx, staging)) continue;
    await resolveUsers(tx, staging);
    if (staging !== ips) {
      await skipOfJoined(tx, staging, "its user joined an account here, which gets no power and no way in from a file");
      await skipUsersHere(tx, staging);
    }
    await resolveParent(tx, target);
    if (staging === roleMembers && isForeign(tx)) await skipLargerRoles(tx);
    await skipRepeated(tx, staging, "the user has it twice: the highest pk stands", key.join(", "), "pk desc");
    if (target.isLink) await settleLinks(tx, target);
    if (staging === authenticators) await keepEqualConfigs(tx);
    await mergeRows(tx, target);
  }
};
