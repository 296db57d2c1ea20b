import pg from "pg";

/** How many profiles there are; each of a user of its own, a hundred in an account. */
export const PROFILES = 300_000;

/** Words of descriptions; a text of ten of them has nearly every one once in five texts. */
const WORDS = 50;

/** Fills a migrated database, without triggers but those that the lines of searches need: their rows are made here. */
export const loadProfiles = async (url: string, count = PROFILES): Promise<void> => {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query("set session_replication_role = replica");
    await client.query(`insert into users (id, username, username_canonical, email, name, name_canonical, is_staff)
      select n, 'user-' || md5(n::text), 'user-' || md5(n::text), '', 'Name ' || n, 'name ' || n, n % 1000 = 0 from generate_series(1, ${count}) n`);
    await client.query(`insert into user_email (user_id, email, email_canonical)
      select n, md5(n::text) || '@example.com', md5(n::text) || '@example.com' from generate_series(1, ${count}) n`);
    await client.query("insert into user_search (user_id, lines) select u.id, user_search_lines(u) from users u");
    await client.query(`insert into account (id, number, name, tags, tags_canonical)
      select n, lpad((n / 100000000)::text, 4, '0') || '-' || lpad((n / 10000 % 10000)::text, 4, '0') || '-' || lpad((n % 10000)::text, 4, '0'),
        'Account ' || n, array['plan-' || n % 5, 'zone-' || n % 500], array['plan-' || n % 5, 'zone-' || n % 500]
      from generate_series(1, ${count / 100}) n`);
    await client.query(`insert into user_profile (id, user_id, account_id, name, description, tags, tags_canonical, is_test)
      select n, n, 1 + n / 100 % ${count / 100}, 'Profile ' || md5(n::text),
        (select string_agg('word' || (hashint8(n * 31 + w) & 1023) % ${WORDS}, ' ') from generate_series(1, 10) w) || ' about ' || md5('d' || n),
        array['common', 'tag-' || n % 20, 'rare-' || n % 20000], array['common', 'tag-' || n % 20, 'rare-' || n % 20000], n % 100 = 0
      from generate_series(1, ${count}) n`);
    await client.query("vacuum analyze users, user_email, user_search, account, user_profile");
  } finally {
    await client.end();
  }
};
