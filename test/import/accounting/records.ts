/** A record of a file, read by nothing of ours. */
export type FileRecord = {
  /** Its place in the file, from 1. */
  readonly record: number;
  readonly model: string;
  readonly pk: string | undefined;
  readonly fields: Readonly<Record<string, unknown>>;
};

type Raw = { model: string; pk?: number | string | null; fields: Record<string, unknown> };

/** Reads a JSON array of records. */
export const readFile = (text: string): readonly FileRecord[] =>
  (JSON.parse(text) as Raw[]).map(({ model, pk, fields }, index) => ({
    record: index + 1,
    model: model.toLowerCase(),
    pk: pk === undefined || pk === null ? undefined : String(pk),
    fields,
  }));
