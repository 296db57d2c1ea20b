import { fromJsonString } from "@bufbuild/protobuf";
import { type Value, ValueSchema } from "@bufbuild/protobuf/wkt";
import { UserOptionService } from "../gen/userd/v1/user_option_service_pb.ts";
import { connect } from "./client.ts";
import { findUser } from "./find-user.ts";
import { type OptionCommand, scopeOf } from "./scope-options.ts";

/** JSON, or plain text: `dark` means the same as `"dark"`. */
const parseValue = (text: string): Value => {
  try {
    return fromJsonString(ValueSchema, text);
  } catch {
    return fromJsonString(ValueSchema, JSON.stringify(text));
  }
};

/** Stores one option. */
export const run = async (user: string, key: string, value: string, options: OptionCommand): Promise<void> => {
  const { id } = await findUser(user, options);
  const { created, changed } = await connect(UserOptionService, options).setOption({
    userId: id,
    key,
    value: parseValue(value),
    ...scopeOf(options),
  });
  process.stdout.write(`${created ? "created" : changed ? "changed" : "unchanged"}\n`);
};
