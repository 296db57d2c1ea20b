import { open, rename, rm } from "node:fs/promises";
import type { ImportReport } from "../import/report.ts";
import { CommandError, ExitCode } from "./exit.ts";

/** A file that says which ids are new. It stands beside its place, whole and on the disk, before anything is stored. */
export type MapFile = AsyncDisposable & {
  readonly write: (report: ImportReport) => Promise<void>;
  /** Puts it into its place: by a name, which a full disk does not refuse. */
  readonly publish: () => Promise<void>;
};

const kinds = ["user", "organization", "project", "team", "account"] as const;

const formatMap = ({ remapped }: ImportReport): string => {
  const idsOf = (kind: (typeof kinds)[number]) =>
    Object.fromEntries(remapped.filter((one) => one.kind === kind).map(({ pk, id }) => [pk, id]));
  return `${JSON.stringify(Object.fromEntries(kinds.map((kind) => [`${kind}s`, idsOf(kind)])), null, 2)}\n`;
};

/** @throws CommandError with code 2: where it is to stand is the person's choice. */
const orRefuse = async <T>(action: () => Promise<T>): Promise<T> => {
  try {
    return await action();
  } catch (error) {
    throw new CommandError(`The map can't be written: ${(error as Error).message}. Nothing was stored.`, ExitCode.USAGE);
  }
};

/** Opens the map before the import, so that one that can't be written is known before anything is stored. */
export const openMapFile = async (path: string): Promise<MapFile> => {
  const part = `${path}.part`;
  const file = await orRefuse(() => open(part, "w", 0o600));
  return {
    write: (report) =>
      orRefuse(async () => {
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
