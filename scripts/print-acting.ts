/**
 * Prints the tables of the rules for acting users: what each need means, and the needs of each RPC, from the descriptors of proto/.
 *
 * Run: node scripts/print-acting.ts (scripts/update-reference.ts puts them into docs/access.md)
 */

import { readFileSync } from "node:fs";
import { getOption } from "@bufbuild/protobuf";
import { actingRulesOf, isForOneUser, nameOfNeed } from "../src/contract/acting.ts";
import { ActingNeed, ActingNeedSchema, permission } from "../src/gen/userd/v1/options_pb.ts";
import { builtin } from "../src/schema/kind-set.ts";
import type { AllDependencies } from "../src/services/dependencies.ts";
import { createRoutes } from "../src/services/routes.ts";
import { markdownTable } from "./markdown-table.ts";

/** The comments of the values of ActingNeed in the proto, on one line each. */
const meanings = (): ReadonlyMap<string, string> => {
  const text = readFileSync(new URL("../proto/userd/v1/options.proto", import.meta.url), "utf8");
  const values = text.matchAll(/((?: {2}\/\/ .*\n)+) {2}ACTING_NEED_(\w+) = \d+;/g);
  return new Map(Array.from(values, ([, comment = "", name = ""]) => [name, comment.replaceAll(/\s*\/\/ /g, " ").trim()]));
};

/** The table of what each need means, in Markdown. */
export const needsTable = (): string => {
  const told = meanings();
  const names = ActingNeedSchema.values
    .filter(({ number }) => number !== ActingNeed.UNSPECIFIED)
    .map(({ number }) => nameOfNeed(number as ActingNeed));
  return markdownTable(
    ["need", "who the acting user has to be"],
    names.map((name) => [`\`${name}\``, told.get(name) ?? ""]),
  );
};

const isOfKinds = (typeName: string): boolean => typeName.startsWith("userd.kinds.");

/** The table of RPCs, in Markdown. */
export const actingTable = (): string => {
  const services = createRoutes({ db: { kinds: builtin } } as AllDependencies).map(({ service }) => service);
  const rows = services
    .filter(({ typeName }) => !isOfKinds(typeName))
    .flatMap(({ name, methods }) =>
      methods.map((method) => {
        const rules = actingRulesOf(method).map(({ need, field, orSelf, isOptional }) => {
          const about = field === "" ? "" : ` of \`${field}\`${isOptional ? ", if set" : ""}`;
          return `${nameOfNeed(need)}${about}${orSelf === "" ? "" : `, or self by \`${orSelf}\``}`;
        });
        return [`\`${name}/${method.name}\``, `\`${getOption(method, permission)}\``, rules.join("; "), isForOneUser(method) ? "yes" : ""];
      }),
    );
  return markdownTable(["RPC", "the caller's permission", "the acting user's needs", "for callers bound to `self`"], rows);
};

if (import.meta.main) process.stdout.write(`${needsTable()}\n${actingTable()}`);
