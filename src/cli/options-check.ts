import type { Client } from "@connectrpc/connect";
import { Command } from "commander";
import { type InvalidOption, UserOptionService } from "../gen/users/v1/user_option_service_pb.ts";
import { type ClientOptions, connect, withClientOptions } from "./client.ts";
import { CommandError, ExitCode } from "./exit.ts";
import { scopeName } from "./option-arguments.ts";

/** As many as one call looks at. */
const PAGE_SIZE = 1_000;

const invalidOptions = async function* (service: Client<typeof UserOptionService>): AsyncGenerator<InvalidOption> {
  let pageToken = "";
  do {
    const page = await service.listInvalidOptions({ pageSize: PAGE_SIZE, pageToken });
    yield* page.invalidOptions;
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
};

const check = async (options: ClientOptions): Promise<void> => {
  let count = 0;
  for await (const { option, violation } of invalidOptions(connect(UserOptionService, options))) {
    count += 1;
    if (option) process.stdout.write(`user ${option.userId}, ${scopeName(option)}: ${violation}\n`);
  }
  if (count > 0) throw new CommandError(`${count} stored option${count === 1 ? " does" : "s do"} not fit.`, ExitCode.FAILURE);
  process.stdout.write("All stored options fit their definitions.\n");
};

/** `userd options check`: the stored options that do not fit their definitions, one per line. */
export const checkCommand = (): Command =>
  withClientOptions(
    new Command("check").description("List the stored options of users that do not fit their definitions; exit code 1 when there are any."),
  ).action(check);
