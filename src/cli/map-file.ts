import { open, rename, rm } from "node:fs/promises";
import type { ImportReport } from "../import/report.ts";
import { orRefuse } from "./written-file.ts";

/** A JSON file that maps ids of the imported file to new ids in the database. `write` fills a `….part` file, and `publish` renames that file. */
export type MapFile = AsyncDisposable & {
  readonly write: (report: ImportReport) => Promise<void>;
  /** Renames the file to its real name, which works on a full disk too. */
  readonly publish: () => Promise<void>;
};

const kinds = ["user", "organization", "project", "team", "account"] as const;

const formatMap = ({ remapped }: ImportReport): string => {
  const idsOf = (kind: (typeof kinds)[number]) =>
    Object.fromEntries(remapped.filter((one) => one.kind === kind).map(({ pk, id }) => [pk, id]));
  return `${JSON.stringify(Object.fromEntries(kinds.map((kind) => [`${kind}s`, idsOf(kind)])), null, 2)}\n`;
};

/** Opens a `MapFile` for writing. Call it before the import: a file that can't be written is refused before anything is stored. */
export const openMapFile = async (path: string): Promise<MapFile> => {
  const part = `${path}.part`;
  const file = await orRefuse("map", () => open(part, "w", 0o600));
  return {
    write: (report) =>
      orRefuse("map", async () => {
        await file.writeFile(formatMap(report));
        await file.sync();
      }),
    publish: () => rename(part, path),
    [Symbol.asyncDispose]: async () => {
      await file.close();
      await rm(part, { force: true });
    },
  };
};
