import type { Client } from "@connectrpc/connect";
import { type InvalidOption, UserOptionService } from "../gen/userd/v1/user_option_service_pb.ts";
import { inOneLine, print } from "../print.ts";
import { connect } from "./client.ts";
import type { ClientOptions } from "./client-options.ts";
import { CommandError, ExitCode } from "./exit.ts";
import { pagesOf } from "./pages.ts";
import { scopeName } from "./scope-options.ts";

/** The number of options that one call looks at. */
const PAGE_SIZE = 1_000;

const invalidOptions = async function* (service: Client<typeof UserOptionService>): AsyncGenerator<InvalidOption> {
  for await (const page of pagesOf((pageToken) => service.listInvalidOptions({ pageSize: PAGE_SIZE, pageToken })))
    yield* page.invalidOptions;
};

/** Prints the stored options that do not fit their definitions, one per line. */
export const run = async (options: ClientOptions): Promise<void> => {
  let count = 0;
  for await (const { option, violation } of invalidOptions(connect(UserOptionService, options))) {
    count += 1;
    if (option) print(`user ${option.userId}, ${scopeName(option)}: ${inOneLine(violation)}\n`);
  }
  if (count > 0) throw new CommandError(`${count} stored option${count === 1 ? " does" : "s do"} not fit.`, ExitCode.FAILURE);
  print("All stored options fit their definitions.\n");
};
