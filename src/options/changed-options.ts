import { sql } from "kysely";
import type { Quotas } from "../config.ts";
import type { Writer } from "../db/beginning.ts";
import { compiled, place } from "../db/compiled.ts";
import type { Together } from "../db/joining.ts";
import type { Tx } from "../db/write.ts";
import { storedMoment } from "../moment.ts";
import { userAggregate } from "../versions/aggregate.ts";
import type { Growth, Usage } from "./quota.ts";
import type { OptionKey, StoredOption } from "./stored-option.ts";

/** An option to store: its name, its value and the time when it expires. */
export type OptionWrite = OptionKey & {
  /** The value in canonical form, as JSON text. */
  readonly json: string;
  /** The time from which the option reads as absent; null = never. */
  readonly expireTime: Date | null;
};

/** The row of an option that was stored, and what the user had before. */
export type StoredRow = StoredOption & Growth & { readonly created: boolean };

const storingOne = compiled(sql<{ answer: string }>`select store_option(
  ${place("caller")}, ${place("actingUserId")}, ${place("requestId")}, ${place("reason")}, ${place("left")}, ${place("userId")}, ${place("scopeKind")}, ${place("scopeId")},
  ${place("key")}, ${place("json")}, ${place("expireTime")}, ${place("areRegistered")}) as answer`);

const storingMany = compiled(sql<{ answer: string }>`select store_options(
  ${place("caller")}, ${place("actingUserId")}, ${place("requestId")}, ${place("reason")}, ${place("userId")}, ${place("kinds")}, ${place("scopes")}, ${place("keys")},
  ${place("contents")}, ${place("expiries")}) as answer`);

const storingOfUsers = compiled(sql<{ answer: string }>`select store_options_of_users(
  ${place("caller")}, ${place("requestIds")}, ${place("reasons")}, ${place("userIds")}, ${place("kinds")}, ${place("scopes")}, ${place("keys")},
  ${place("contents")}, ${place("expiries")}, ${place("mostBytes")}) as answer`);

/** The values of `store_option`. */
type OptionValues = ReturnType<typeof valuesOf>;

const special = /["\\]/g;

/** Writes texts as PostgreSQL reads an array. */
const arrayText = (texts: readonly (string | null)[]): string =>
  `{${texts.map((text) => (text === null ? "NULL" : `"${text.replaceAll(special, "\\$&")}"`)).join(",")}}`;

/** Makes the way in which several SetOptions of one caller go together, under a quota of the bytes of each user. */
export const createTogether = (quotas: Pick<Quotas, "optionBytesPerUser">): Together => ({
  statement: (writes) => {
    const column = (name: keyof OptionValues): string => arrayText(writes.map((values) => values[name] ?? null));
    return storingOfUsers({
      mostBytes: String(quotas.optionBytesPerUser),
      caller: writes[0]?.["caller"],
      requestIds: column("requestId"),
      reasons: column("reason"),
      userIds: column("userId"),
      kinds: column("scopeKind"),
      scopes: column("scopeId"),
      keys: column("key"),
      contents: column("json"),
      expiries: column("expireTime"),
    });
  },
  answers: (answer, count) => {
    const own = new Array<string | undefined>(count).fill(undefined);
    for (const line of answer === "" ? [] : answer.split("\n")) {
      const space = line.indexOf(" ");
      own[Number(line.slice(0, space)) - 1] = line.slice(space + 1);
    }
    return own;
  },
});

const timeText = (time: Date | null): string | null => (time === null ? null : time.toISOString());

/** What the database tells of an option that it has stored; times are in milliseconds since the epoch. */
type Told = Pick<StoredRow, "value" | "bytes" | "version" | "locked" | "added" | "grown_by" | "created"> &
  Usage & { readonly id: string; readonly createTime: number; readonly updateTime: number };

const rowOf = ({ userId, scope, key, expireTime }: OptionWrite, { id, createTime, updateTime, ...told }: Told): StoredRow => ({
  ...told,
  id: BigInt(id),
  user_id: userId,
  scope_kind: scope.kind,
  scope_id: scope.id,
  key,
  create_time: storedMoment(createTime),
  update_time: storedMoment(updateTime),
  expire_time: expireTime,
});

/** Reads the words in which `store_option` and `store_options` of the database tell of a changed option. */
const readWords = (write: OptionWrite, words: readonly string[], usage: Usage): StoredRow => {
  const [id = "", version, bytes, createTime, updateTime, isLocked, grownBy, wasExpired] = words;
  return rowOf(write, {
    ...usage,
    id,
    value: JSON.parse(write.json),
    bytes: Number(bytes),
    version: Number(version),
    createTime: Math.round(Number(createTime)),
    updateTime: Math.round(Number(updateTime)),
    locked: isLocked === "t",
    added: false,
    grown_by: Number(grownBy),
    created: wasExpired === "t",
  });
};

const usageOf = (options = "0", bytes = "0"): Usage => ({ used_options: Number(options), used_bytes: Number(bytes) });

/** The answer of `set_option`, to which `store_option` leaves what it does not do itself. */
type General = {
  readonly epoch: string;
  readonly versions: readonly [string];
  readonly option?: readonly [
    id: string,
    value: StoredRow["value"],
    bytes: number,
    version: number,
    createTime: number,
    updateTime: number,
    locked: boolean,
    added: boolean,
    grownBy: number,
    created: boolean,
    usedOptions: number,
    usedBytes: number,
  ];
};

const readGeneral = (write: OptionWrite, { epoch, versions: [ofUser], option }: General) => {
  if (option === undefined) return { epoch, version: ofUser };
  const [id, value, bytes, version, createTime, updateTime, locked, added, grown_by, created, used_options, used_bytes] = option;
  const told = { id, value, bytes, version, createTime, updateTime, locked, added, grown_by, created, used_options, used_bytes };
  return { epoch, version: ofUser, row: rowOf(write, told) };
};

const readOne = (write: OptionWrite, answer: string) => {
  if (answer.startsWith("{")) return readGeneral(write, JSON.parse(answer));
  const [epoch = "", version = "", ...words] = answer.split(" ");
  return { epoch, version, row: readWords(write, words, usageOf(words[8], words[9])) };
};

const valuesOf = (writer: Writer, { userId, scope, key, json, expireTime }: OptionWrite, areRegistered: boolean) => ({
  ...writer,
  key,
  json,
  userId: String(userId),
  scopeKind: String(scope.kind),
  scopeId: String(scope.id),
  expireTime: timeText(expireTime),
  areRegistered: areRegistered ? "t" : "f",
});

/**
 * Stores one option, which is what most calls do, by a statement that is the whole write, and may go together with others. Returns its row if it has
 * changed.
 */
export const setOption = async (
  tx: Tx,
  areRegistered: boolean,
  write: OptionWrite,
  together: Together | undefined,
): Promise<readonly StoredRow[]> => {
  const { row } = await tx.whole({
    aggregate: userAggregate(write.userId),
    values: (writer) => valuesOf(writer, write, areRegistered),
    statement: storingOne,
    read: (answer) => readOne(write, answer),
    together,
  });
  return row === undefined ? [] : [row];
};

/**
 * Changes those of some options of one user that are there and are to be another value, and returns their rows, with what the user had before. The
 * scopes must be global, or registered by nobody.
 */
export const changeOptions = async (
  tx: Tx,
  writes: readonly OptionWrite[],
): Promise<{ readonly rows: readonly StoredRow[]; readonly usage: Usage }> => {
  const { answer } = await tx.one(
    storingMany({
      ...tx.writer,
      userId: String(writes[0]?.userId),
      kinds: writes.map(({ scope }) => scope.kind),
      scopes: writes.map(({ scope }) => String(scope.id)),
      keys: writes.map(({ key }) => key),
      contents: writes.map(({ json }) => json),
      expiries: writes.map(({ expireTime }) => timeText(expireTime)),
    }),
  );
  const [had = "", ...lines] = answer.split("\n");
  const usage = usageOf(...had.split(" "));
  const rows = lines.map((line) => {
    const [position, ...words] = line.split(" ");
    return readWords(writes[Number(position) - 1] as OptionWrite, words, usage);
  });
  return { rows, usage };
};
