import { toJson } from "@bufbuild/protobuf";
import { UserSchema } from "../gen/userd/v1/user_pb.ts";
import { print } from "../print.ts";
import { printTable } from "../table.ts";
import type { ClientOptions } from "./client-options.ts";
import { findUser } from "./find-user.ts";

/** Prints one user: as a table for people, or as JSON for scripts. */
export const run = async (name: string, options: ClientOptions & { json?: true }): Promise<void> => {
  const user = await findUser(name, options);
  const json = toJson(UserSchema, user) as Record<string, unknown>;
  if (options.json) {
    print(`${JSON.stringify(json, null, 2)}\n`);
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
