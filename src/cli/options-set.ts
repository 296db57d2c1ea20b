import { fromJsonString } from "@bufbuild/protobuf";
import { type Value, ValueSchema } from "@bufbuild/protobuf/wkt";
import { DomainError } from "../errors.ts";
import { SetOptionRequestSchema, UserOptionService } from "../gen/userd/v1/user_option_service_pb.ts";
import { checkJson } from "../json/decode.ts";
import { toValue } from "../options/value.ts";
import { print } from "../print.ts";
import { connect } from "./client.ts";
import { CommandError, ExitCode } from "./exit.ts";
import { findUser } from "./find-user.ts";
import { type OptionCommand, scopeOf } from "./scope-options.ts";

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

/** Reads a value as JSON, or else as text. Throws CommandError for JSON that can't be stored as written, or that has a fault. */
const parseValue = (text: string): Value => {
  if (isJson(text)) {
    try {
      // As a field of its request, so that an error names its place.
      checkJson(SetOptionRequestSchema, `{"value":${text}}`);
      return fromJsonString(ValueSchema, text);
    } catch (error) {
      if (error instanceof DomainError) throw new CommandError(error.message, ExitCode.USAGE);
      throw error;
    }
  }
  if (/^\s*["[{]/.test(text)) {
    throw new CommandError("The value begins like JSON and is none; text that is to be stored as it is goes into quotes.", ExitCode.USAGE);
  }
  return toValue(text);
};

/** Stores the value of one option of a user, and prints whether it was created, changed or unchanged. */
export const run = async (user: string, key: string, value: string, options: OptionCommand): Promise<void> => {
  const { id } = await findUser(user, options);
  const { created, changed } = await connect(UserOptionService, options).setOption({
    userId: id,
    key,
    value: parseValue(value),
    ...scopeOf(options),
  });
  print(`${created ? "created" : changed ? "changed" : "unchanged"}\n`);
};
