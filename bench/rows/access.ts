import pg from "pg";

/** An account of the first users of the bench, the first of them its staff user. */
export type SeededAccount = { readonly accountId: bigint; readonly profileIds: readonly bigint[] };

/** Makes an account of these users; once for all rows that need it. */
export const seedAccount = async (url: string, userIds: readonly bigint[]): Promise<SeededAccount> => {
  const client = new pg.Client(url);
  await client.connect();
  await client.query("insert into account (number) values ('0000-0000-0001') on conflict do nothing");
  await client.query("update users set is_staff = true where id = $1", [String(userIds[0])]);
  await client.query(
    `insert into user_profile (user_id, account_id) select u, a.id from unnest($1::bigint[]) u, account a where number = '0000-0000-0001'
      on conflict do nothing`,
    [userIds.map(String)],
  );
  // All tables: another checkout may call them otherwise.
  await client.query("analyze");
  const { rows } = await client.query<{ id: string; account_id: string }>(
    "select p.id, p.account_id from unnest($1::bigint[]) with ordinality u (id, n) join user_profile p on p.user_id = u.id order by n",
    [userIds.map(String)],
  );
  await client.end();
  return { accountId: BigInt(rows[0]?.account_id ?? 0), profileIds: rows.map(({ id }) => BigInt(id)) };
};
