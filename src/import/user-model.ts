import { ImportFault } from "./fault.ts";
import type { Reader } from "./reader.ts";
import { customUser, isModelName, looksLikeUser } from "./readers/custom-user.ts";
import { readers } from "./readers/index.ts";
import { users } from "./readers/user-staging.ts";

const byModel = new Map<string, Reader>(readers.map((reader) => [reader.model, reader]));

/** The functions that find the import reader for each record of a file, and the model that holds the users of the file. */
export type Models = {
  /**
   * Finds the reader of a record by its model, in lower case, or by fields that only users have. Returns undefined for other models.
   * @throws ImportFault when the file has users of several models.
   */
  readonly readerOf: (model: string, fields: unknown) => Reader | undefined;
  /** Returns the project's own model that holds the users; undefined when userd knows their model, or none was read. */
  readonly userModel: () => string | undefined;
  /** Throws ImportFault when the file has no user of the model that `createModels` was told. */
  readonly assertFound: () => void;
};

/**
 * Makes the functions that find the import readers for a file. `told` is the name of the file's user model; if undefined, the first user in the
 * file shows the model.
 * @throws ImportFault when `told` is not the name of a model.
 */
export const createModels = (told: string | undefined): Models => {
  const wanted = told?.toLowerCase();
  if (wanted !== undefined && !isModelName(wanted)) throw new ImportFault("--user-model takes the name of a model, such as users.user.");
  let found: Reader | undefined;
  const only = (reader: Reader): Reader | undefined => {
    if (wanted !== undefined && wanted !== reader.model) return undefined;
    const isOwn = (one: Reader) => !byModel.has(one.model);
    if (found !== undefined && found.model !== reader.model && (isOwn(found) || isOwn(reader))) {
      throw new ImportFault(
        `The file has users of two models, ${found.model} and ${reader.model}: --user-model says which ones are meant, as in --user-model ${found.model}.`,
      );
    }
    found = reader;
    return reader;
  };
  return {
    readerOf: (model, fields) => {
      const known = byModel.get(model) ?? (found?.model === model ? found : undefined);
      if (known !== undefined) return known.into === users ? only(known) : known;
      const isUser =
        wanted === undefined
          ? isModelName(model) && typeof fields === "object" && fields !== null && looksLikeUser(fields)
          : model === wanted;
      return isUser ? only(customUser(model)) : undefined;
    },
    userModel: () => (found === undefined || byModel.has(found.model) ? undefined : found.model),
    assertFound: () => {
      if (wanted !== undefined && found === undefined) throw new ImportFault(`The file has no record of ${wanted}.`);
    },
  };
};
