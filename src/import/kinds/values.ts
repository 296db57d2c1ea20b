import { create, type DescMessage } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { createValidator } from "@bufbuild/protovalidate";
import { type ImportSource, importedValues, importSources } from "../../contract/kinds/imports.ts";
import type { Column } from "../../contract/kinds/kind.ts";
import { canonicalName } from "../../names/canonical.ts";
import { FieldFault, Unfit } from "../fault.ts";
import { bool, type Field, int, key, type Note, text, time } from "../fields.ts";
import { optionValue } from "../option-value.ts";
import { pythonLiteral } from "../python-literal.ts";
import type { StagedRow } from "../staging.ts";
import { isReferring, referenceColumns } from "./staging.ts";

/** The function that reads the columns of one record. The message of an error or a note begins with the name of the field. */
export type ReadColumns = (record: object, note: Note) => StagedRow;

type ReadColumn = (record: object, note: Note) => StagedRow;

/** The first value of a field that is not null; null when each is, and undefined when the record has none. */
const valueIn = (record: object, names: readonly string[]): { readonly name: string; readonly value: unknown } => {
  let found = { name: names[0] ?? "", value: undefined as unknown };
  for (const name of names) {
    const value = Object.hasOwn(record, name) ? (record as Record<string, unknown>)[name] : undefined;
    if (value === undefined) continue;
    found = { name, value };
    if (value !== null) break;
  }
  return found;
};

/** Runs a function on the value of a field, whose name it puts in front of errors and notes. */
const named = <T>(name: string, note: Note, read: (note: Note) => T): T => {
  try {
    return read((text) => note(`${name} ${text}`));
  } catch (error) {
    if (error instanceof FieldFault) throw new FieldFault(`${name} ${error.message}`, { cause: error });
    if (error instanceof Unfit) throw new Unfit(`${name} ${error.message}`, { cause: error });
    throw error;
  }
};

/** Reads a JSON object, or the text of one. */
const struct: Field<string | null> = (value, note) => {
  if (value === "") return null;
  const json = optionValue(value, note);
  if (!json.startsWith("{")) throw new Unfit("is no object");
  return json;
};

const scalars = ["string", "number", "bigint", "boolean"];

/** The text of a value that is no list or object: their texts could be those of other values. */
const scalar = (value: unknown): string => {
  if (!scalars.includes(typeof value)) throw new Unfit("is no number, text or boolean");
  return String(value);
};

const enumValue = ({ field }: Column): Field<number> => {
  const numbers = importedValues(field);
  return (value) => {
    const number = numbers.get(scalar(value));
    if (number === undefined) throw new Unfit("is not known");
    return number;
  };
};

const int32: Field<bigint> = (value) => {
  const read = int(value);
  if (read !== BigInt.asIntN(32, read)) throw new Unfit("is no integer of 32 bits");
  return read;
};

/** Reads a SHA-256 in hex as what PostgreSQL reads bytes from. */
const sha256: Field<string> = (value) => {
  if (typeof value !== "string" || !/^[0-9a-fA-F]{64}$/.test(value)) throw new Unfit("is no SHA-256 in hex: nobody could use the token");
  return `\\x${value}`;
};

/** Reads a list of words, or the text of one in JSON or as Python prints it, as a text with one blank between each two. */
const words =
  (maxLength: number): Field<string> =>
  (value) => {
    const list = typeof value === "string" && value.trimStart().startsWith("[") ? pythonLiteral(value) : value;
    const all = Array.isArray(list) ? (list as unknown[]) : [list];
    return all.map((word) => text(maxLength)(word)).join(" ");
  };

const decimal: Field<number> = (value) => {
  const read = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof read !== "number" && typeof read !== "bigint") throw new FieldFault("must be a number");
  if (!Number.isFinite(Number(read))) throw new Unfit("is no finite number");
  return Number(read);
};

const fieldOf = (column: Column): Field<unknown> => {
  const { type, maxLength } = column;
  if (type === "smallint") return enumValue(column);
  if (importSources(column.field, false).some(({ isOfWords }) => isOfWords)) return words(maxLength);
  return {
    bigint: int,
    int: int32,
    "double precision": decimal,
    boolean: bool,
    text: text(maxLength),
    timestamptz: time,
    jsonb: struct,
    bytea: sha256,
  }[type];
};

/** The value of a column for a null in the file: what it has by default. The time of creation and a UUID are not said then. */
const ofNull = ({ name, isRequired, isUuid, defaultValue }: Column): unknown => {
  if (isRequired) throw new Unfit("is null");
  return name === "create_time" || isUuid ? undefined : defaultValue;
};

const readValue = (column: Column, sources: readonly ImportSource[]): ReadColumn => {
  const names = sources.flatMap((source) => source.names);
  const deleting = new Set(sources.flatMap((source) => [...source.deleting].map(String)));
  const field = fieldOf(column);
  return (record, note) => {
    const { name, value } = valueIn(record, names);
    return named(name, note, (noteField) => {
      if (value === undefined) {
        if (column.isRequired) throw new Unfit("is missing");
        return {};
      }
      if (value === null) return { [column.name]: ofNull(column) };
      if (deleting.size > 0 && deleting.has(scalar(value))) throw new Unfit("says that it is being deleted");
      const read = field(value, noteField);
      if (column.isNotBlank && String(read).trim() === "") throw new Unfit("is blank");
      return { [column.name]: read };
    });
  };
};

const OWNER = /^(user|team):(.+)$/;

/** Reads the user or team of an owner, which is a text with its key, or the key of an actor. */
const owner = (column: Column, value: unknown): StagedRow => {
  const columns = referenceColumns(column);
  const [, of, pk] = OWNER.exec(scalar(value)) ?? [];
  if (of === undefined) return { [columns.pk]: null, [columns.actor]: key(value) };
  return { [columns.pk]: of === column.reference?.to.name ? key(pk) : null };
};

const readReference = (column: Column, sources: readonly ImportSource[]): ReadColumn => {
  const columns = referenceColumns(column);
  return (record, note) => {
    let found = {};
    for (const { names, isOwner } of sources) {
      const { name, value } = valueIn(record, names);
      if (value === undefined) continue;
      found = named(name, note, (): StagedRow => {
        if (value === null) return { [columns.pk]: null };
        if (isOwner) return owner(column, value);
        if (!Array.isArray(value)) return { [columns.pk]: key(value) };
        const [user, ...more] = value as unknown[];
        if (column.reference?.to.name !== "user" || typeof user !== "string" || more.length > 0) throw new FieldFault("must be a key");
        return { [columns.pk]: null, [columns.name]: canonicalName(text(200)(user)) };
      });
      if (value !== null) break;
    }
    if (column.isRequired && Object.values(found).every((value) => value === null))
      throw new Unfit(`it names no ${column.reference?.to.name.replaceAll("_", " ")}`);
    return found;
  };
};

const validator = createValidator();

/** Columns whose values the rules of the message are about, in the way that the message has them. */
const checked = new Set(["bigint", "int", "smallint", "text"]);

/** Makes the function that reads `columns` of a kind from records of the model `part`; without `part`, from records of the kind's own models. */
export const createReadColumns = (message: DescMessage, columns: readonly Column[], part = ""): ReadColumns => {
  const reads = columns.flatMap((column): readonly ReadColumn[] => {
    const sources = importSources(column.field, isReferring(column)).filter((source) => source.part === part);
    if (sources.length === 0) return [];
    return [isReferring(column) ? readReference(column, sources) : readValue(column, sources)];
  });
  const ruled = columns.filter((column) => !isReferring(column) && checked.has(column.type));
  const fileName = new Map(
    columns.map((column) => [column.name, importSources(column.field, false).find((one) => one.part === part)?.names[0]]),
  );
  return (record, note) => {
    const row: Record<string, unknown> = {};
    for (const read of reads) Object.assign(row, read(record, note));
    const given = ruled.filter(({ name }) => row[name] !== undefined && row[name] !== null);
    const values = given.map(({ name, type, field }) => [field.localName, type === "int" ? Number(row[name]) : row[name]] as const);
    const [violation] = validator.validate(message, create(message, Object.fromEntries(values))).violations ?? [];
    if (violation === undefined) return row;
    const name = pathToString(violation.field);
    throw new Unfit(`${fileName.get(name) ?? name} ${violation.message}`);
  };
};

/** Returns the names of the fields that `createReadColumns` reads. */
export const fieldsRead = (columns: readonly Column[], part = ""): readonly string[] =>
  columns.flatMap((column) =>
    importSources(column.field, isReferring(column))
      .filter((source) => source.part === part)
      .flatMap(({ names }) => names),
  );
