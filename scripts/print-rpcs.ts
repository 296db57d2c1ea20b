/**
 * Prints the README's table of RPCs, with the permission that each demands, from the descriptors of proto/.
 *
 * Run: node scripts/print-rpcs.ts (scripts/update-readme.ts puts it into the README)
 */

import { getOption } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Idempotency } from "@bufbuild/protobuf/wkt";
import { permission } from "../src/gen/userd/v1/options_pb.ts";
import type { AllDependencies } from "../src/services/dependencies.ts";
import { createRoutes } from "../src/services/routes.ts";
import { markdownTable } from "./markdown-table.ts";

/** The table, in Markdown. */
export const rpcTable = (): string => {
  // The routes are the table of contents of the API; their operations are made of nothing here, and never called.
  const services = createRoutes({} as AllDependencies).map(({ service }) => service);
  const rows = services.flatMap(({ name: service, methods }) =>
    methods.map((method) => {
      const kind = method.idempotency === Idempotency.NO_SIDE_EFFECTS ? "read" : "write";
      return [`\`${service}/${method.name}\``, kind, `\`${getOption(method, permission)}\``];
    }),
  );
  return markdownTable(["RPC of `userd.v1`", "kind", "permission"], rows);
};

if (import.meta.main) process.stdout.write(rpcTable());
