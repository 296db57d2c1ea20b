/**
 * Prints the table of RPCs from the descriptors of proto/: what each demands, and what the server gives it.
 *
 * Run: node scripts/print-rpcs.ts (scripts/update-reference.ts puts it into docs/reference.md)
 */

import { getOption } from "@bufbuild/protobuf";
import { readsOf } from "../src/contract/reads.ts";
import { permission, Reads } from "../src/gen/userd/v1/options_pb.ts";
import { builtin } from "../src/schema/kind-set.ts";
import { prepareRpcs } from "../src/server/rpc.ts";
import type { AllDependencies } from "../src/services/dependencies.ts";
import { createRoutes } from "../src/services/routes.ts";
import { markdownTable } from "./markdown-table.ts";

const MiB = 1024 * 1024;

/** What an RPC does, and where it reads from. */
const kinds: Readonly<Partial<Record<Reads, string>>> = {
  [Reads.CACHE]: "read: cache",
  [Reads.DATABASE]: "read: database",
  [Reads.MEMORY]: "read: memory",
  [Reads.CACHE_AND_DATABASE]: "read: both",
};

/** The table, in Markdown. */
export const rpcTable = (): string => {
  // The routes are the table of contents of the API; their operations are made of nothing here, and never called.
  const routes = createRoutes({ db: { kinds: builtin } } as AllDependencies);
  const limits = new Map(prepareRpcs(routes).map((rpc) => [rpc.name, rpc]));
  const rows = routes.flatMap(({ service }) =>
    service.methods.map((method) => {
      const rpc = limits.get(`${service.typeName}/${method.name}`);
      if (rpc === undefined) throw new Error(`${method.name} is not served`);
      const kind = kinds[readsOf(method)] ?? "write";
      return [
        `\`${service.name}/${method.name}\``,
        method.methodKind === "unary" ? kind : `${kind}, stream`,
        `\`${getOption(method, permission)}\``,
        rpc.idleMs === undefined ? `${rpc.defaultTimeoutMs / 1_000} s` : `idle ${rpc.idleMs / 1_000} s`,
        `${rpc.maxRequestBytes / MiB} MiB`,
        method.input.fields.some(({ name }) => name === "request_id") ? "yes" : "",
      ];
    }),
  );
  return markdownTable(["RPC", "kind", "permission", "deadline", "request", "`request_id`"], rows);
};

if (import.meta.main) process.stdout.write(rpcTable());
