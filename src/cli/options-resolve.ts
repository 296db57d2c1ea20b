import { toJson } from "@bufbuild/protobuf";
import { Command } from "commander";
import { ResolvedOptionSchema } from "../gen/users/v1/user_option_pb.ts";
import { UserOptionService } from "../gen/users/v1/user_option_service_pb.ts";
import { connect } from "./client.ts";
import { type OptionCommand, scopeOf, userArgument, withScope } from "./option-arguments.ts";
import { printTable } from "./table.ts";
import { explainOption, originOf, valueText } from "./trail.ts";
import { findUser } from "./users.ts";

const resolve = async (user: string, keys: string[], options: OptionCommand & { readonly explain?: true }): Promise<void> => {
  const { id } = await findUser(user, options);
  const request = { userIds: [id], keys, ...scopeOf(options), explain: options.explain ?? false };
  const { results } = await connect(UserOptionService, options).resolveOptions(request);
  const resolved = results[0]?.options ?? [];
  if (options.json) {
    const json = resolved.map((option) => toJson(ResolvedOptionSchema, option));
    process.stdout.write(`${JSON.stringify(json, null, 2)}\n`);
  } else if (options.explain) {
    for (const option of resolved) process.stdout.write(`${explainOption(option, options)}\n`);
  } else {
    printTable(
      ["key", "value", "from"],
      resolved.map((option) => [option.key, valueText(option.value), option.found ? originOf(option, options) : ""]),
    );
  }
};

/** `userd options resolve`: what options effectively are, and why. */
export const resolveCommand = (): Command =>
  withScope(new Command("resolve").description("Show what options effectively are; without keys, all that have a definition or a value."))
    .argument(...userArgument)
    .argument("[key...]")
    .option("--explain", "say in a sentence where each value comes from, and what it would be otherwise")
    .option("--json", "print JSON")
    .action(resolve);
