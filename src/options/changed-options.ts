import { sql } from "kysely";
import type { Writer } from "../db/beginning.ts";
import { compiled, place } from "../db/compiled.ts";
import type { Tx } from "../db/transaction.ts";
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

const timeText = (time: Date | null): string | null => (time === null ? null : time.toISOString());

/** Makes the row of a changed option of the words in which `store_option` and `store_options` of the database tell of it. */
const rowOf = ({ userId, scope, key, json, expireTime }: OptionWrite, words: readonly string[], usage: Usage): StoredRow => {
  const [id = "", version, bytes, createTime, updateTime, isLocked, grownBy, wasExpired] = words;
  return {
    id: BigInt(id),
    user_id: userId,
    scope_kind: scope.kind,
    scope_id: scope.id,
    key,
    value: JSON.parse(json),
    bytes: Number(bytes),
    version: Number(version),
    create_time: storedMoment(Math.round(Number(createTime))),
    update_time: storedMoment(Math.round(Number(updateTime))),
    expire_time: expireTime,
    locked: isLocked === "t",
    added: false,
    grown_by: Number(grownBy),
    created: wasExpired === "t",
    ...usage,
  };
};

const usageOf = (options = "0", bytes = "0"): Usage => ({ used_options: Number(options), used_bytes: Number(bytes) });

/** The answer of `set_option`, to which `store_option` leaves what it does not do itself; times are in milliseconds since the epoch. */
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

const readGeneral = ({ userId, scope, key, expireTime }: OptionWrite, { epoch, versions: [version], option }: General) => {
  if (option === undefined) return { epoch, version };
  const [id, value, bytes, ofOption, createTime, updateTime, locked, added, grown_by, created, used_options, used_bytes] = option;
  const row: StoredRow = {
    id: BigInt(id),
    user_id: userId,
    scope_kind: scope.kind,
    scope_id: scope.id,
    key,
    value,
    bytes,
    version: ofOption,
    create_time: storedMoment(createTime),
    update_time: storedMoment(updateTime),
    expire_time: expireTime,
    locked,
    added,
    grown_by,
    created,
    used_options,
    used_bytes,
  };
  return { epoch, version, row };
};

const readOne = (write: OptionWrite, answer: string) => {
  if (answer.startsWith("{")) return readGeneral(write, JSON.parse(answer));
  const [epoch = "", version = "", ...words] = answer.split(" ");
  return { epoch, version, row: rowOf(write, words, usageOf(words[8], words[9])) };
};

/** Stores one option, which is what most calls do, by a statement that is the whole write. Returns its row if it has changed. */
export const setOption = async (tx: Tx, areRegistered: boolean, write: OptionWrite): Promise<readonly StoredRow[]> => {
  const { userId, scope, key, json, expireTime } = write;
  const wanted = {
    key,
    json,
    userId: String(userId),
    scopeKind: String(scope.kind),
    scopeId: String(scope.id),
    expireTime: timeText(expireTime),
  };
  const statement = (writer: Writer) => storingOne({ ...writer, ...wanted, areRegistered: areRegistered ? "t" : "f" });
  const { row } = await tx.whole(userAggregate(userId), statement, (answer) => readOne(write, answer));
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
    return rowOf(writes[Number(position) - 1] as OptionWrite, words, usage);
  });
  return { rows, usage };
};
