import { fromJsonString, toJson, toJsonString } from "@bufbuild/protobuf";
import { type Value, ValueSchema } from "@bufbuild/protobuf/wkt";
import { Command, InvalidArgumentError } from "commander";
import { type UserOption, UserOptionSchema } from "../gen/users/v1/user_option_pb.ts";
import { UserOptionService } from "../gen/users/v1/user_option_service_pb.ts";
import { type ClientOptions, connect, withClientOptions } from "./client.ts";
import { CommandError, ExitCode } from "./exit.ts";
import { printTable } from "./table.ts";
import { findUser } from "./users.ts";

type ScopeOptions = { readonly project?: bigint; readonly organization?: bigint };
type OptionCommand = ClientOptions & ScopeOptions & { readonly json?: true };

const parseId = (text: string): bigint => {
  if (!/^[1-9]\d{0,17}$/.test(text)) throw new InvalidArgumentError("It has to be an id: a number above 0.");
  return BigInt(text);
};

/** JSON, or plain text: `dark` means the same as `"dark"`. */
const parseValue = (text: string): Value => {
  try {
    return fromJsonString(ValueSchema, text);
  } catch {
    return fromJsonString(ValueSchema, JSON.stringify(text));
  }
};

const withScope = (command: Command): Command =>
  withClientOptions(command)
    .option("--project <id>", "scope: a project", parseId)
    .option("--organization <id>", "scope: an organization", parseId);

const scopeOf = ({ project = 0n, organization = 0n }: ScopeOptions) => ({ projectId: project, organizationId: organization });

const scopeName = ({ projectId, organizationId }: UserOption): string => {
  if (projectId !== 0n) return `project ${projectId}`;
  return organizationId === 0n ? "global" : `organization ${organizationId}`;
};

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

const userArgument = ["<user>", "id, username or address"] as const;

/** `userd options …`: clients of a running service. */
export const optionsCommand = (): Command =>
  new Command("options")
    .description("Read and write options of the users of a running service.")
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
    );
