import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { print } from "../print.ts";
import { connect } from "./client.ts";
import type { ClientOptions } from "./client-options.ts";
import { findUser } from "./find-user.ts";
import { readPassword } from "./password.ts";

/** Reads a password from standard input, and stores it as the password of a user. */
export const run = async (name: string, options: ClientOptions): Promise<void> => {
  const { id } = await findUser(name, options);
  await connect(UserService, options).setPassword({ userId: id, password: await readPassword() });
  print(`The password of user ${id} is set.\n`);
};
