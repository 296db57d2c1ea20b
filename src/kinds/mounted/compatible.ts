import { type Column, type Kind, type Link, referredBy, type Secret } from "../../contract/kinds/kind.ts";

/** The differences between applied kinds and new ones, as sentences: `changes` are possible; `faults` are not, and say what to do instead. */
export type KindChanges = { readonly changes: readonly string[]; readonly faults: readonly string[] };

type Notes = { readonly add: (what: string) => void; readonly refuse: (what: string) => void };

/** The parts of a column that can't change, by what they are called. */
const fixed: Readonly<Record<string, (column: Column) => unknown>> = {
  number: ({ field }) => field.number,
  type: ({ field, type }) => `${type} ${field.scalar ?? ""}`,
  "name of its enum": ({ field }) => field.enum?.name,
  "reference.kind": ({ reference }) => reference?.to.name,
  "reference.deletion": ({ reference }) => reference?.deletion,
  "reference.parent": ({ reference }) => reference?.isParent,
  presence: ({ isNullable, isRequired, isNotEmpty }) => `${isNullable} ${isRequired} ${isNotEmpty}`,
  default: ({ defaultValue, isUuid }) => `${defaultValue} ${isUuid}`,
};

const valuesOf = ({ field }: Column): ReadonlyMap<number, string> =>
  new Map(field.enum?.values.map(({ number, name }) => [number, name]) ?? []);

const compareColumns = (at: string, before: Column, after: Column, { add, refuse }: Notes): void => {
  const differing = Object.entries(fixed).filter(([, of]) => of(before) !== of(after));
  for (const [what] of differing) refuse(`${at} has another ${what}: leave it as it is, and add a field`);
  if (after.maxLength < before.maxLength)
    refuse(`${at} takes ${after.maxLength} characters, and took ${before.maxLength}: rows may be longer, so leave it`);
  if (after.maxLength > before.maxLength) add(`${at} takes ${after.maxLength} characters instead of ${before.maxLength}`);
  if (after.isImmutable && !before.isImmutable) refuse(`${at} is IMMUTABLE now, and clients update it: leave it as it is`);
  if (before.isImmutable && !after.isImmutable) add(`${at} can be updated`);
  if (after.isOutputOnly && !before.isOutputOnly) refuse(`${at} is OUTPUT_ONLY now, and clients write it: leave it as it is`);
  if (after.isAudited !== before.isAudited) add(`${at} has ${after.isAudited ? "its" : "no"} values in the audit trail from now on`);
  if (before.deletedValue !== after.deletedValue) refuse(`${at} shows another value of what is deleted: leave it as it is`);
  const [had, has] = [valuesOf(before), valuesOf(after)];
  for (const [number, name] of had)
    if (has.get(number) !== name) refuse(`${at} lacks the value ${name} = ${number}: rows may have it, so keep it`);
  for (const [number, name] of has) if (!had.has(number)) add(`${at} has the new value ${name}`);
};

/** Rows that are there, and instances with the older set, give a new field no value. */
const addColumn = (at: string, { isNullable, defaultValue, reference }: Column, { add, refuse }: Notes): void => {
  const isFilled = isNullable || (defaultValue !== null && reference === undefined);
  if (isFilled) add(`the new field ${at}`);
  else refuse(`${at} is new and always has a value of its own, which resources that are there lack: make it nullable`);
};

/** A secret never becomes something else: what is stored could not be read as that. */
const compareSecrets = (name: string, before: Kind, after: Kind, { add, refuse }: Notes): void => {
  const partsOf = ({ field, secrecy, isRequired, token }: Secret) =>
    [field.number, field.scalar, secrecy, isRequired, token?.prefix, token?.lastCharacters?.name, token?.lastUsed?.name].join();
  for (const secret of before.secrets) {
    const now = after.secrets.find((one) => one.name === secret.name);
    if (now === undefined) refuse(`${name} lacks the secret ${secret.name}: rows have it, so keep it, and mark it as deprecated`);
    else if (partsOf(secret) !== partsOf(now))
      refuse(`${name}.${secret.name} is another secret than before: leave it as it is, and add a field`);
  }
  for (const secret of after.secrets) {
    if (before.secrets.some((one) => one.name === secret.name)) continue;
    if (secret.isRequired) refuse(`${name}.${secret.name} is a new secret, which resources that are there lack: make it nullable`);
    else add(`the new secret ${name}.${secret.name}`);
  }
};

const compareLinks = (at: string, before: Link, after: Link, { refuse }: Notes): void => {
  if (before.field.number !== after.field.number || before.to.name !== after.to.name || before.isRequired !== after.isRequired)
    refuse(`${at} has another number, another reference.kind or another required: leave it as it is, and add a field`);
};

/** The lists of columns of a kind, as texts that are equal when the lists are. */
const listsOf = ({ keys, indexes, choices }: Kind) => {
  const texts = (lists: Kind["keys"]) =>
    new Set(lists.map(({ name, columns }) => `"${name}" (${columns.map((one) => one.name).join(", ")})`));
  return { key: texts(keys), index: texts(indexes), choice: texts(choices) };
};

/** What is kept for less than it was is gone before anybody can say that this was wrong. */
const compareRetentions = (name: string, before: Kind["retention"], after: Kind["retention"], { add, refuse }: Notes): void => {
  if (before?.column.name === after?.column.name && before?.days === after?.days) return;
  if (before !== undefined && after === undefined) add(`${name} is kept as long as its parent`);
  else if (before?.column.name === after?.column.name && (before?.days ?? 0) < (after?.days ?? 0))
    add(`${name} is kept for ${after?.days} days`);
  else refuse(`${name} is kept for less, or from another time: resources would go that were to stay, so leave the retention`);
};

/** Clients know the RPCs by these names. A permission is no part of an RPC: the operator gives it to callers. */
const compareNames = (name: string, before: Kind, after: Kind, { add, refuse }: Notes): void => {
  const parts: Readonly<Record<string, (kind: Kind) => string>> = {
    package: ({ file }) => file.proto.package,
    service: ({ service }) => service,
    plural: ({ plural }) => plural,
  };
  for (const [what, of] of Object.entries(parts))
    if (of(before) !== of(after)) refuse(`${name} has another ${what} than ${of(before)}: clients call its RPCs by it, so keep it`);
  for (const what of ["readPermission", "writePermission", "revealPermission", "verifyPermission"] as const)
    if (before[what] !== after[what]) add(`${name} takes the permission ${after[what]} instead of ${before[what]}`);
};

const compareKinds = (before: Kind, after: Kind, notes: Notes): void => {
  const { add, refuse } = notes;
  const name = after.message.name;
  const place = ({ isSoft, isLarge, sharedBy, parent, aggregates }: Kind) => [isSoft, isLarge, sharedBy, parent.name, ...aggregates].join();
  if (place(before) !== place(after))
    refuse(`${name} has another scope, deletion, parent or aggregate, or large: leave it as it is, and add a kind`);
  compareNames(name, before, after, notes);
  compareRetentions(name, before.retention, after.retention, notes);
  for (const column of before.columns) {
    const now = after.columns.find((one) => one.name === column.name);
    if (now === undefined) refuse(`${name} lacks the field ${column.name}: rows have it, so keep it, and mark it as deprecated`);
    else compareColumns(`${name}.${column.name}`, column, now, notes);
  }
  for (const column of after.columns)
    if (!before.columns.some((one) => one.name === column.name)) addColumn(`${name}.${column.name}`, column, notes);
  for (const { to, number } of referredBy(before)) {
    const now = referredBy(after).find((one) => one.to.name === to.name);
    if (now !== undefined && now.number < number)
      refuse(
        `${name} has a new reference to ${to.name} with the number ${now.number}: give it one above ${number}, which clients know \`expanded\` by`,
      );
  }
  for (const link of before.links) {
    const now = after.links.find((one) => one.name === link.name);
    if (now === undefined) refuse(`${name} lacks the field ${link.name}: rows have it, so keep it, and mark it as deprecated`);
    else compareLinks(`${name}.${link.name}`, link, now, notes);
  }
  for (const link of after.links) {
    if (before.links.some((one) => one.name === link.name)) continue;
    if (link.isRequired) refuse(`${name}.${link.name} is new and required, and resources that are there lack it: make it optional`);
    else add(`the new field ${name}.${link.name}`);
  }
  compareSecrets(name, before, after, notes);
  const [had, has] = [listsOf(before), listsOf(after)];
  for (const what of ["key", "index", "choice"] as const) {
    for (const one of had[what])
      if (!has[what].has(one)) refuse(`${name} lacks the ${what} ${one}: instances with the older set need it, so keep it`);
    for (const one of has[what]) {
      if (had[what].has(one)) continue;
      if (what === "index") add(`the new index ${name} ${one}`);
      else refuse(`${name} has the new ${what} ${one}, which resources that are there may break: add a kind that has it`);
    }
  }
};

/**
 * Compares applied kinds with those to be applied. Allowed are new kinds, fields, indexes and enum values, other permissions, and higher limits
 * of text lengths. Ranges of numbers and numbers of items are not compared: a narrower one holds from the next write on.
 */
export const compareSets = (before: readonly Kind[], after: readonly Kind[]): KindChanges => {
  const changes: string[] = [];
  const faults: string[] = [];
  const notes: Notes = { add: (what) => changes.push(what), refuse: (what) => faults.push(what) };
  for (const kind of before) {
    const now = after.find(({ name }) => name === kind.name);
    if (now === undefined) notes.refuse(`No set has the kind ${kind.message.name} any more, whose resources are stored: mount it again`);
    else compareKinds(kind, now, notes);
  }
  for (const kind of after) if (!before.some(({ name }) => name === kind.name)) notes.add(`the new kind ${kind.message.name}`);
  return { changes, faults };
};
