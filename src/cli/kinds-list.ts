import { loadConfig } from "../config.ts";
import { standardMethods } from "../contract/kinds/methods.ts";
import { loadKinds } from "../kinds/mounted/load.ts";
import { printTable } from "../table.ts";

/** Prints the kinds whose services are served, as a table. */
export const run = async (): Promise<void> => {
  const { kinds, paths } = loadKinds(loadConfig());
  const rows = kinds.services.flatMap(({ name, typeName }) =>
    kinds.kinds
      .filter(({ service }) => service === name)
      .map((kind) => {
        const rpcs = standardMethods(kind).map(([verb]) => verb);
        return [typeName, kind.message.name, rpcs.join(","), kind.table, paths.get(kind.file) ?? "builtin"];
      }),
  );
  printTable(["service", "kind", "rpcs", "table", "from"], rows);
};
