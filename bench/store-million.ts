import pg from "pg";
import { indexedKey } from "./service.ts";

const million = 1_000_000;
const firstId = 100_000_001;

/** The option that each of the million users has, under the indexed key. */
export const millionValue = "gold";

const stored = new Map<string, Promise<void>>();

const store = async (url: string): Promise<void> => {
  const client = new pg.Client(url);
  await client.connect();
  await client.query("set session_replication_role = replica");
  await client.query(`insert into users (id, username, username_canonical, email)
    select id, 'million-' || id, 'million-' || id, '' from generate_series(${firstId}, ${firstId + million - 1}) id`);
  await client.query(`insert into user_option (user_id, scope_kind, scope_id, key, value)
    select id, 0, 0, '${indexedKey}', '"${millionValue}"' from generate_series(${firstId}, ${firstId + million - 1}) id`);
  await client.query("vacuum analyze users, user_option");
  await client.end();
};

/**
 * A million users that all have the option, without triggers: their change log is of no interest here. They are stored
 * once, whichever rows of a run need them.
 */
export const storeMillion = (url: string): Promise<void> => {
  const storing = stored.get(url) ?? store(url);
  stored.set(url, storing);
  return storing;
};

/** Their ids. */
export const millionIds: readonly bigint[] = Array.from({ length: million }, (_, index) => BigInt(firstId + index));
