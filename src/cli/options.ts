import { toJson, toJsonString } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { Command } from "commander";
import { UserOptionSchema } from "../gen/users/v1/user_option_pb.ts";
import { UserOptionService } from "../gen/users/v1/user_option_service_pb.ts";
import { connect } from "./client.ts";
import { CommandError, ExitCode } from "./exit.ts";
import { type OptionCommand, parseValue, scopeName, scopeOf, userArgument, withScope } from "./option-arguments.ts";
import { checkCommand } from "./options-check.ts";
import { codegenCommand } from "./options-codegen.ts";
import { resolveCommand } from "./options-resolve.ts";
import { printTable } from "./table.ts";
import { findUser } from "./users.ts";

const get = async (user: string, key: string, options: OptionCommand): Promise<void> => {
  const { id } = await findUser(user, options);
  const { found, value } = await connect(UserOptionService, options).getOption({ userId: id, key, ...scopeOf(options) });
  if (!found || value === undefined) throw new CommandError(`User ${id} has no option ${key} in this scope.`, ExitCode.NOT_FOUND);
  process.stdout.write(`${toJsonString(ValueSchema, value)}\n`);
};

const set = async (user: string, key: string, value: string, options: OptionCommand): Promise<void> => {
  const { id } = await findUser(user, options);
  const { created, changed } = await connect(UserOptionService, options).setOption({
    userId: id,
    key,
    value: parseValue(value),
    ...scopeOf(options),
  });
  process.stdout.write(`${created ? "created" : changed ? "changed" : "unchanged"}\n`);
};

const list = async (user: string, options: OptionCommand): Promise<void> => {
  const { id } = await findUser(user, options);
  const scoped = options.project !== undefined || options.organization !== undefined;
  const response = await connect(UserOptionService, options).listOptions({ userId: id, allScopes: !scoped, ...scopeOf(options) });
  if (options.json) {
    process.stdout.write(
      `${JSON.stringify(
        response.options.map((option) => toJson(UserOptionSchema, option)),
        null,
        2,
      )}\n`,
    );
    return;
  }
  printTable(
    ["scope", "key", "value"],
    response.options.map((option) => [scopeName(option), option.key, option.value ? toJsonString(ValueSchema, option.value) : ""]),
  );
};

/** `userd options …`: clients of a running service. */
export const optionsCommand = (): Command =>
  new Command("options")
    .description("Read, write and explain the options of users, and check and use their definitions.")
    .addCommand(
      withScope(new Command("get").description("Print the value of one option as JSON; exit code 4 when nothing is stored."))
        .argument(...userArgument)
        .argument("<key>")
        .action(get),
    )
    .addCommand(
      withScope(new Command("set").description("Store one option."))
        .argument(...userArgument)
        .argument("<key>")
        .argument("<value>", "JSON, or plain text")
        .action(set),
    )
    .addCommand(
      withScope(new Command("list").description("List the options of one scope, or of all."))
        .argument(...userArgument)
        .option("--json", "print JSON")
        .action(list),
    )
    .addCommand(resolveCommand())
    .addCommand(checkCommand())
    .addCommand(codegenCommand());
