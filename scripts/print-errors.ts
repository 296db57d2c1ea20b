/**
 * Prints which errors RPCs have, from what proto/ declares: the reasons that all calls of a kind have, and those of each RPC.
 *
 * Run: node scripts/print-errors.ts (scripts/update-reference.ts puts it into docs/reference.md)
 */

import { getOption } from "@bufbuild/protobuf";
import { declaredReasons } from "../src/contract/reasons.ts";
import { Calls, calls, request_field } from "../src/gen/userd/v1/error_options_pb.ts";
import { ErrorReasonSchema } from "../src/gen/userd/v1/errors_pb.ts";
import { builtin } from "../src/schema/kind-set.ts";
import type { AllDependencies } from "../src/services/dependencies.ts";
import { createRoutes } from "../src/services/routes.ts";
import { markdownTable } from "./markdown-table.ts";

const listed = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(", ");

const named = (is: (value: (typeof ErrorReasonSchema.values)[number]) => boolean): string =>
  listed(ErrorReasonSchema.values.filter(is).map(({ name }) => name));

/** The reasons that no RPC lists, since all calls of a kind have them, in Markdown. */
export const commonReasonsTable = (): string => {
  const fields = [...new Set(ErrorReasonSchema.values.map((value) => getOption(value, request_field)))].filter((name) => name !== "");
  return markdownTable(
    ["calls", "reasons"],
    [
      ["all", named((value) => getOption(value, calls) === Calls.ALL)],
      ["all that write", named((value) => getOption(value, calls) === Calls.WRITES)],
      ...fields.map((field) => [`all with \`${field}\``, named((value) => getOption(value, request_field) === field)]),
    ],
  );
};

/** The reasons that each RPC has besides, in Markdown. */
export const rpcReasonsTable = (): string => {
  const rows = createRoutes({ db: { kinds: builtin } } as AllDependencies).flatMap(({ service }) =>
    service.methods.map((method) => {
      const { own, entry } = declaredReasons(method);
      return [`\`${service.name}/${method.name}\``, listed(own), listed(entry)];
    }),
  );
  return markdownTable(
    ["RPC", "reasons of a call", "reasons of an entry"],
    rows.filter(([, own, entry]) => own !== "" || entry !== ""),
  );
};

if (import.meta.main) process.stdout.write(`${commonReasonsTable()}\n${rpcReasonsTable()}`);
