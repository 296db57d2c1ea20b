import type { Call } from "../call.ts";
import type { Database } from "../db/orm.ts";
import type { UserFilter } from "../gen/userd/v1/user_list_pb.ts";
import { conditionsOf, type UserCondition } from "./user-condition.ts";
import { parseSearch } from "./user-search.ts";

/** What a list of users is asked for. */
type Asked = { readonly filter?: UserFilter | undefined; readonly search: string };

/** The role is looked up first: by its id, and not by its name, the planner knows whether few users have it or many. */
const ofRole = async (db: Database, call: Call, name: string): Promise<UserCondition[]> => {
  if (name === "") return [];
  const role = await db.session(call).row(db.sql.selectFrom("role").select("id").where("name", "=", name));
  return [{ kind: "role", id: role?.id ?? 0n }];
};

/**
 * The conditions of a list of users: those of its filter, and those of its search.
 * @throws INVALID_ARGUMENT FIELD_INVALID.
 */
export const listConditions = async (db: Database, call: Call, { filter, search }: Asked): Promise<readonly UserCondition[]> => [
  ...conditionsOf(filter),
  ...parseSearch(search),
  ...(await ofRole(db, call, filter?.roleName ?? "")),
];
