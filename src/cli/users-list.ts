import { toJson } from "@bufbuild/protobuf";
import { type User, UserSchema } from "../gen/userd/v1/user_pb.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { print } from "../print.ts";
import { printTable } from "../table.ts";
import { connect } from "./client.ts";
import type { ClientOptions } from "./client-options.ts";

type ListOptions = ClientOptions & {
  readonly limit: number;
  readonly order?: string;
  readonly deleted?: true;
  readonly json?: true;
};

const MAX_PAGE_SIZE = 1_000;

/** Reads pages until there are as many users as are wanted, or no more. */
const listUsers = async (search: string, options: ListOptions): Promise<{ users: User[]; isMore: boolean }> => {
  const client = connect(UserService, options);
  const users: User[] = [];
  for (let pageToken = ""; ; ) {
    const pageSize = Math.min(options.limit - users.length, MAX_PAGE_SIZE);
    const page = await client.listUsers({
      search,
      orderBy: options.order ?? "",
      showDeleted: options.deleted ?? false,
      pageSize,
      pageToken,
    });
    users.push(...page.users);
    pageToken = page.nextPageToken;
    if (pageToken === "" || users.length >= options.limit) return { users, isMore: pageToken !== "" };
  }
};

const stateOf = ({ deleteTime, isSuspended, isActive, isSuperuser, isStaff }: User): string =>
  [
    deleteTime ? "deleted" : isSuspended ? "suspended" : isActive ? "active" : "inactive",
    ...(isSuperuser ? ["superuser"] : []),
    ...(isStaff ? ["staff"] : []),
  ].join(", ");

/** Prints the users that a search finds, or all users: as a table for people, or as JSON for scripts. */
export const run = async (search: string[], options: ListOptions): Promise<void> => {
  const { users, isMore } = await listUsers(search.join(" "), options);
  if (options.json) {
    const all = users.map((user) => toJson(UserSchema, user));
    print(`${JSON.stringify(all, null, 2)}\n`);
    return;
  }
  printTable(
    ["id", "username", "email", "name", "state"],
    users.map((user) => [String(user.id), user.username ?? "", user.email ?? "", user.name ?? "", stateOf(user)]),
  );
  if (isMore) process.stderr.write(`There are more; --limit ${options.limit * 10} shows more of them.\n`);
};
