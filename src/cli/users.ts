import { randomUUID } from "node:crypto";
import { toJson } from "@bufbuild/protobuf";
import { Command } from "commander";
import { type User, UserSchema, UserView } from "../gen/users/v1/user_pb.ts";
import { LookupStatus, type UserKey, UserService } from "../gen/users/v1/user_service_pb.ts";
import { type ClientOptions, connect, withClientOptions } from "./client.ts";
import { CommandError, ExitCode } from "./exit.ts";
import { readPassword } from "./password.ts";
import { printTable } from "./table.ts";
import { usersListCommand } from "./users-list.ts";

const keyOf = (name: string): UserKey["key"] => {
  if (/^\d{1,18}$/.test(name)) return { case: "id", value: BigInt(name) };
  return name.includes("@") ? { case: "email", value: name } : { case: "username", value: name };
};

/** Finds the one user that an id, username or address names; an address is also tried as a username. */
export const findUser = async (name: string, options: ClientOptions): Promise<User> => {
  const key = keyOf(name);
  const keys = key.case === "email" ? [{ key }, { key: { case: "username" as const, value: name } }] : [{ key }];
  const { results } = await connect(UserService, options).lookupUsers({ keys, view: UserView.FULL });
  const result = results.find(({ status }) => status !== LookupStatus.NOT_FOUND);
  if (result?.status === LookupStatus.AMBIGUOUS) {
    throw new CommandError(`Several users have this address: ${result.userIds.join(", ")}. Name one by its id.`, ExitCode.CONFLICT);
  }
  if (result?.user === undefined) throw new CommandError(`There is no user ${name}.`, ExitCode.NOT_FOUND);
  return result.user;
};

const show = async (name: string, options: ClientOptions & { json?: true }): Promise<void> => {
  const user = await findUser(name, options);
  const json = toJson(UserSchema, user) as Record<string, unknown>;
  if (options.json) {
    process.stdout.write(`${JSON.stringify(json, null, 2)}\n`);
    return;
  }
  const { emails, ...fields } = json;
  printTable(
    ["field", "value"],
    [
      ...Object.entries(fields).map(([field, value]) => [field, typeof value === "string" ? value : JSON.stringify(value)]),
      ...user.emails.map((email) => [
        "email",
        `${email.email}${email.isPrimary ? " (primary)" : ""}${email.isVerified ? " (verified)" : ""}`,
      ]),
    ],
  );
};

type CreateOptions = ClientOptions & {
  readonly email?: string;
  readonly username?: string;
  readonly name?: string;
  readonly staff?: true;
  readonly superuser?: true;
  readonly json?: true;
};

const create = async (options: CreateOptions): Promise<void> => {
  const { email = "", username = "", name = "", staff = false, superuser = false } = options;
  if (email === "" && username === "") throw new CommandError("A user needs --email or --username.", ExitCode.USAGE);
  const { user } = await connect(UserService, options).createUser({
    user: { email, username, name, isStaff: staff, isSuperuser: superuser },
    // Were the answer lost, the same command again would find the name taken: nothing is created twice.
    requestId: randomUUID(),
  });
  if (user === undefined) throw new CommandError("The service answered without a user.", ExitCode.FAILURE);
  process.stdout.write(options.json ? `${JSON.stringify(toJson(UserSchema, user), null, 2)}\n` : `${user.id}\n`);
};

const setPassword = async (name: string, options: ClientOptions): Promise<void> => {
  const { id } = await findUser(name, options);
  await connect(UserService, options).setPassword({ userId: id, password: await readPassword() });
  process.stdout.write(`The password of user ${id} is set.\n`);
};

const userArgument = ["<user>", "id, username or address"] as const;

/** `userd users …`: clients of a running service. */
export const usersCommand = (): Command =>
  new Command("users")
    .description("Look at the users of a running service, and make new ones.")
    .addCommand(usersListCommand())
    .addCommand(
      withClientOptions(new Command("show").description("Show one user."))
        .argument(...userArgument)
        .option("--json", "print JSON")
        .action(show),
    )
    .addCommand(
      withClientOptions(new Command("create").description("Create a user and print its id."))
        .option("--email <address>", "its address")
        .option("--username <name>", "its username; default: the address")
        .option("--name <name>", "its name")
        .option("--staff", "make it staff")
        .option("--superuser", "make it a superuser")
        .option("--json", "print the user as JSON")
        .action(create),
    )
    .addCommand(
      withClientOptions(
        new Command("set-password").description("Set the password of a user: typed unseen, or the first line of standard input."),
      )
        .argument(...userArgument)
        .action(setPassword),
    );
