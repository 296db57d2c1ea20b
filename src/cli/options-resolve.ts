import { toJson } from "@bufbuild/protobuf";
import { ResolvedOptionSchema } from "../gen/userd/v1/user_option_pb.ts";
import { UserOptionService } from "../gen/userd/v1/user_option_service_pb.ts";
import { inOneLine, print } from "../print.ts";
import { printTable } from "../table.ts";
import { connect } from "./client.ts";
import { findUser } from "./find-user.ts";
import { type OptionCommand, scopeOf } from "./scope-options.ts";
import { explainOption, originOf, valueText } from "./trail.ts";

/** Prints the effective values of a user's options, and the level that each of them comes from. */
export const run = async (user: string, keys: string[], options: OptionCommand & { readonly explain?: true }): Promise<void> => {
  const { id } = await findUser(user, options);
  const request = { userIds: [id], keys, ...scopeOf(options), explain: options.explain ?? false };
  const { results } = await connect(UserOptionService, options).resolveOptions(request);
  const resolved = results[0]?.options ?? [];
  if (options.json) {
    const json = resolved.map((option) => toJson(ResolvedOptionSchema, option));
    print(`${JSON.stringify(json, null, 2)}\n`);
  } else if (options.explain) {
    for (const option of resolved) print(`${inOneLine(explainOption(option, options))}\n`);
  } else {
    printTable(
      ["key", "value", "from"],
      resolved.map((option) => [option.key, valueText(option.value), option.found ? originOf(option, options) : ""]),
    );
  }
};
