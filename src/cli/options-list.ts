import { toJson, toJsonString } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { type UserOption, UserOptionSchema } from "../gen/userd/v1/user_option_pb.ts";
import { UserOptionService } from "../gen/userd/v1/user_option_service_pb.ts";
import { print } from "../print.ts";
import { printTable } from "../table.ts";
import { connect } from "./client.ts";
import { findUser } from "./find-user.ts";
import { pagesOf } from "./pages.ts";
import { type OptionCommand, scopeName, scopeOf } from "./scope-options.ts";

/** Prints a user's options in one scope, or in all scopes. */
export const run = async (user: string, options: OptionCommand): Promise<void> => {
  const { id } = await findUser(user, options);
  const scoped = options.project !== undefined || options.organization !== undefined;
  const service = connect(UserOptionService, options);
  const pages = pagesOf((pageToken) => service.listOptions({ userId: id, allScopes: !scoped, ...scopeOf(options), pageToken }));
  const all: UserOption[] = [];
  for await (const page of pages) all.push(...page.options);
  if (options.json) {
    const json = all.map((option) => toJson(UserOptionSchema, option));
    print(`${JSON.stringify(json, null, 2)}\n`);
    return;
  }
  printTable(
    ["scope", "key", "value"],
    all.map((option) => [scopeName(option), option.key, option.value ? toJsonString(ValueSchema, option.value) : ""]),
  );
};
