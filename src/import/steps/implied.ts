import { sql } from "kysely";
import { identities } from "../readers/sentry-identity.ts";
import { identityProviders } from "../readers/sentry-identityprovider.ts";
import { roles } from "../readers/sentry-userrole.ts";
import { roleMembers } from "../readers/sentry-userroleuser.ts";
import { addGiven, isGiven } from "../staging.ts";
import type { ImportTx } from "../transaction.ts";
import { resolveUsers } from "./references.ts";

/** Groups that users name by their natural key, which neither the file nor userd has. */
const makeGroups = (tx: ImportTx) =>
  tx.affected(sql`
    with made as (
      insert into import_role (model, record, name, permissions, absent, is_implied)
      select 'auth.group', min(m.record), m.parent_name, '{}', '{permissions,create_time,update_time}', true from import_role_member m
      where m.parent_name is not null
        and not exists (select from import_role r where r.name = m.parent_name) and not exists (select from role r where r.name = m.parent_name)
      group by m.parent_name
      returning model, record, name
    )
    insert into import_note (model, record, reason, about)
    select model, record, 'a group that is only named was made a role without permissions', name from made`);

/** Identity providers that identities name, which neither the file nor userd has. */
const makeProviders = (tx: ImportTx) =>
  tx.affected(sql`
    with made as (
      insert into import_identity_provider (model, record, type, external_id, absent, is_implied)
      select 'socialaccount.socialapp', min(i.record), i.parent_name, '', '{config,create_time}', true from import_identity i
      where i.parent_name is not null
        and not exists (select from import_identity_provider p where p.external_id = i.parent_name and p.model = 'socialaccount.socialapp')
        and not exists (select from import_identity_provider p where p.type = i.parent_name and p.external_id = '')
        and not exists (select from identity_provider p where p.type = i.parent_name and p.external_id = '')
      group by i.parent_name
      returning model, record, type
    )
    insert into import_note (model, record, reason, about)
    select model, record, 'an identity provider that is only named was made', type from made`);

/** Makes staged rows for the roles and identity providers that users refer to by name, but that are neither in the file nor in the database. */
export const makeNamed = async (tx: ImportTx): Promise<void> => {
  await resolveUsers(tx, roleMembers);
  await resolveUsers(tx, identities);
  if (isGiven(tx, roleMembers)) addGiven(tx, roles, await makeGroups(tx));
  if (isGiven(tx, identities)) addGiven(tx, identityProviders, await makeProviders(tx));
};
