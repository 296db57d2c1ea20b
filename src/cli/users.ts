import { toJson } from "@bufbuild/protobuf";
import { Command } from "commander";
import { type User, UserSchema, UserView } from "../gen/users/v1/user_pb.ts";
import { LookupStatus, type UserKey, UserService } from "../gen/users/v1/user_service_pb.ts";
import { type ClientOptions, connect, withClientOptions } from "./client.ts";
import { CommandError, ExitCode } from "./exit.ts";
import { printTable } from "./table.ts";

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

/** `userd users …`: clients of a running service. */
export const usersCommand = (): Command =>
  new Command("users")
    .description("Look at the users of a running service.")
    .addCommand(
      withClientOptions(new Command("show").description("Show one user."))
        .argument("<user>", "id, username or address")
        .option("--json", "print JSON")
        .action(show),
    );
