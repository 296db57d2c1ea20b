import { randomUUID } from "node:crypto";
import { toJson } from "@bufbuild/protobuf";
import { UserSchema } from "../gen/userd/v1/user_pb.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { print } from "../print.ts";
import { connect } from "./client.ts";
import type { ClientOptions } from "./client-options.ts";
import { CommandError, ExitCode } from "./exit.ts";

type CreateOptions = ClientOptions & {
  readonly email?: string;
  readonly username?: string;
  readonly name?: string;
  readonly staff?: true;
  readonly superuser?: true;
  readonly json?: true;
};

/** Creates a user and prints its id. */
export const run = async (options: CreateOptions): Promise<void> => {
  const { email = "", username = "", name = "", staff = false, superuser = false } = options;
  if (email === "" && username === "") throw new CommandError("A user needs --email or --username.", ExitCode.USAGE);
  const { user } = await connect(UserService, options).createUser({
    user: { email, username, name, isStaff: staff, isSuperuser: superuser },
    // Were the answer lost, the same command again would find the name taken: nothing is created twice.
    requestId: randomUUID(),
  });
  if (user === undefined) throw new CommandError("The service answered without a user.", ExitCode.FAILURE);
  print(options.json ? `${JSON.stringify(toJson(UserSchema, user), null, 2)}\n` : `${user.id}\n`);
};
