import type { Client } from "pg";

/** Ids of what is generated begin here: nothing else in a bench has such ids. */
export const FIRST = 300_000_000;

/** How much there is: check-ins of two monitors, and releases and connections that are dealt out in turn to as many organizations and profiles. */
export const sizes = { checkIns: 10_000_000, resources: 1_000_000, parents: 1_000 } as const;

/** Who asks: a member of the first organization, who has the first profile. */
export const reader = FIRST;

/** The monitor that has nearly all of the check-ins. */
export const monitorId = FIRST;

/** Fills a migrated database, without triggers: the change log is of no interest here. */
export const fill = async (client: Client): Promise<void> => {
  const { checkIns, resources, parents } = sizes;
  await client.query("set session_replication_role = replica");
  await client.query(`insert into users (id, username, username_canonical, email)
    select ${FIRST} + n, 'large-' || n, 'large-' || n, '' from generate_series(0, ${parents - 1}) n`);
  await client.query(`insert into organization (id, name, slug)
    select ${FIRST} + n, 'Large ' || n, 'large-' || n from generate_series(0, ${parents - 1}) n`);
  await client.query(`insert into organization_member (organization_id, user_id, role)
    select ${FIRST} + n, ${FIRST} + n, 0 from generate_series(0, ${parents - 1}) n`);
  await client.query(`insert into account (id, number) values (${FIRST}, '3000-0000-0000')`);
  await client.query(`insert into user_profile (id, user_id, account_id)
    select ${FIRST} + n, ${FIRST} + n, ${FIRST} from generate_series(0, ${parents - 1}) n`);
  await client.query(`insert into release (organization_id, version)
    select ${FIRST} + n % ${parents}, 'web@' || n from generate_series(0, ${resources - 1}) n`);
  await client.query(`insert into connection (owner_profile_id, name, type)
    select ${FIRST} + n % ${parents}, 'Connection ' || n, 1 from generate_series(0, ${resources - 1}) n`);
  await client.query(`insert into project (id, organization_id, name, slug) values (${FIRST}, ${FIRST}, 'Large', 'large')`);
  await client.query(`insert into monitor (id, organization_id, project_id, guid, slug, name)
    select ${FIRST} + n, ${FIRST}, ${FIRST}, gen_random_uuid()::text, 'monitor-' || n, 'Monitor ' || n from generate_series(0, 1) n`);
  await client.query(`insert into check_in (organization_id, monitor_id, guid, status, check_in_time)
    select ${FIRST}, ${monitorId} + (n % 100 = 0)::int, gen_random_uuid()::text, 1 + n % 3, now() - make_interval(secs => ${checkIns} - n)
    from generate_series(1, ${checkIns}) n`);
  await client.query("vacuum analyze");
};
