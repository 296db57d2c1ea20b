import pg from "pg";
import { type CopyValue, copyInto } from "./copy.ts";

/** Ids of what is generated begin here: nothing else in a bench has such ids. */
const FIRST = 200_000_000;

/** How much there is: accounts of so many profiles, the first of each a staff user, and the resources, dealt out in turn. */
export const sizes = { accounts: 100, profiles: 20, resources: 1_000_000 } as const;

/** The kind of the resources. */
export const kind = "bench";

/** Who asks: the staff user, and another user, of the first account, and a superuser without a profile. */
export const askers = { staff: FIRST, regular: FIRST + 1, superuser: FIRST + sizes.accounts * sizes.profiles } as const;

/** The account of the first two, their profiles, and what the staff user may read. */
export const firstAccount = {
  id: FIRST,
  staffProfile: FIRST,
  regularProfile: FIRST + 1,
  resources: sizes.resources / sizes.accounts,
} as const;

function* rows(): Generator<readonly CopyValue[]> {
  const profiles = sizes.accounts * sizes.profiles;
  for (let index = 0; index < sizes.resources; index += 1) {
    const profile = index % profiles;
    yield [kind, FIRST + profile, FIRST + Math.floor(profile / sizes.profiles), `resource-${index}`];
  }
}

const fill = async (client: pg.Client): Promise<void> => {
  const everybody = sizes.accounts * sizes.profiles;
  await client.query("set session_replication_role = replica");
  await client.query(`insert into users (id, username, username_canonical, email, is_staff, is_superuser)
    select ${FIRST} + n, 'owner-' || n, 'owner-' || n, '', n < ${everybody} and n % ${sizes.profiles} = 0, n = ${everybody}
    from generate_series(0, ${everybody}) n`);
  await client.query(`insert into account (id, number)
    select ${FIRST} + n, '2000-0000-' || lpad(n::text, 4, '0') from generate_series(0, ${sizes.accounts - 1}) n`);
  await client.query(`insert into user_profile (id, user_id, account_id)
    select ${FIRST} + n, ${FIRST} + n, ${FIRST} + n / ${sizes.profiles} from generate_series(0, ${everybody - 1}) n`);
  await copyInto(client, "resource", ["kind", "owner_profile_id", "account_id", "name"], rows());
  await client.query("vacuum analyze users, account, user_profile, resource");
};

/** Fills a migrated database, without triggers: the change log is of no interest here. */
export const loadResources = async (url: string): Promise<void> => {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await fill(client);
  } finally {
    await client.end();
  }
};
