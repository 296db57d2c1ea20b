import { OWN_MODEL } from "../../../src/import/formats/own-line.ts";

/** A record of a file, read by nothing of ours. */
export type FileRecord = {
  /** Its place in the file, from 1. */
  readonly record: number;
  readonly model: string;
  readonly pk: string | undefined;
  readonly fields: Readonly<Record<string, unknown>>;
};

type Raw = { model: string; pk?: number | string | null; fields: Record<string, unknown> };

type Line = {
  readonly user: {
    readonly id?: string;
    readonly username?: string;
    readonly email?: string;
    readonly emails?: readonly { email: string }[];
  };
  readonly passwordHash?: string;
};

/** How the addresses of userd's own lines are counted. */
export const OWN_EMAILS = `${OWN_MODEL}.emails`;

/** A line of userd's own: the user, and its addresses; the primary one is among them. */
const recordsOfLine = ({ user, ...rest }: Line, index: number): FileRecord[] => {
  const place = { record: index + 1, pk: user.id };
  const { username = user.email, email, emails = [] } = user;
  const isListed = email === undefined || emails.some((other) => other.email.toLowerCase() === email.toLowerCase());
  const all = isListed ? emails : [{ email }, ...emails];
  return [
    { ...place, model: OWN_MODEL, fields: { ...user, ...rest } },
    ...all.map((address) => ({ ...place, model: OWN_EMAILS, fields: { user: user.id, username, ...address } })),
  ];
};

/** Reads a JSON array of records, or userd's own lines. */
export const readFile = (text: string): readonly FileRecord[] =>
  text.startsWith("[")
    ? recordsOf(text)
    : text
        .trimEnd()
        .split("\n")
        .flatMap((line, index) => recordsOfLine(JSON.parse(line) as Line, index));

const recordsOf = (text: string): readonly FileRecord[] =>
  (JSON.parse(text) as Raw[]).map(({ model, pk, fields }, index) => ({
    record: index + 1,
    model: model.toLowerCase(),
    pk: pk === undefined || pk === null ? undefined : String(pk),
    fields,
  }));
