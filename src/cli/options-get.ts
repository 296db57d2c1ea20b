import { toJsonString } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { UserOptionService } from "../gen/userd/v1/user_option_service_pb.ts";
import { print } from "../print.ts";
import { connect } from "./client.ts";
import { CommandError, ExitCode } from "./exit.ts";
import { findUser } from "./find-user.ts";
import { type OptionCommand, scopeOf } from "./scope-options.ts";

/** Prints the value of one option of a user as JSON. */
export const run = async (user: string, key: string, options: OptionCommand): Promise<void> => {
  const { id } = await findUser(user, options);
  const { found, value } = await connect(UserOptionService, options).getOption({ userId: id, key, ...scopeOf(options) });
  if (!found || value === undefined) throw new CommandError(`User ${id} has no option ${key} in this scope.`, ExitCode.NOT_FOUND);
  print(`${toJsonString(ValueSchema, value)}\n`);
};
