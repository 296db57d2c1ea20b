import { type DescFile, type DescMessage, getOption, hasOption } from "@bufbuild/protobuf";
import { family, KindDeletion, KindScope, kind as kindOption } from "../../gen/userd/v1/kind_pb.ts";
import { file_userd_v1_organization as organizationFile } from "../../gen/userd/v1/organization_pb.ts";
import { file_userd_v1_project as projectFile } from "../../gen/userd/v1/project_pb.ts";
import { file_userd_v1_team as teamFile } from "../../gen/userd/v1/team_pb.ts";
import { UserSchema } from "../../gen/userd/v1/user_pb.ts";
import { UserProfileSchema } from "../../gen/userd/v1/user_profile_pb.ts";
import { type AggregateKind, isAggregateKind } from "../../versions/aggregate.ts";
import { checkChoices, checkLengths, checkNames, checkOptions, checkRpcs, checkScope, checkSlugs, checkStandard } from "./check.ts";
import { isListOfValues, readColumn, readLink } from "./column.ts";
import { createNotes, KindFaults, type Note } from "./faults.ts";
import { checkImports, checkModels } from "./imports.ts";
import { inOrder } from "./in-order.ts";
import {
  type Ancestor,
  type Column,
  type Kind,
  MOUNTED_SCHEMA,
  ORGANIZATION,
  ORGANIZATION_ID,
  OWNER_PROFILE_ID,
  PROFILE,
  type Referent,
  type UnplacedKind,
  USER,
  unqualified,
} from "./kind.ts";
import { checkLarge, checkReferencesToLarge, readRetention } from "./large.ts";
import { columnsOf, hasParent, INDEX, readList, scopeOf } from "./lists.ts";
import { kindOptionsOf } from "./options.ts";
import { isSecret, readSecrets } from "./secrets.ts";

/** The models that are no kinds and that kinds can refer to. */
const others: readonly Referent[] = [
  {
    name: USER,
    plural: "users",
    message: UserSchema,
    table: "users",
    readPermission: "users.read",
    belongsTo: undefined,
    isSoft: true,
  },
  {
    name: PROFILE,
    plural: "profiles",
    message: UserProfileSchema,
    table: "user_profile",
    readPermission: "access.read",
    belongsTo: { to: PROFILE, column: "id" },
    isSoft: false,
  },
];

const snakeCase = (name: string): string => name.replaceAll(/(?<=[a-z0-9])[A-Z]/g, "_$&").toLowerCase();

/** A kind, with what tells its place among the others. */
type Draft = UnplacedKind & { readonly parents: readonly Column[]; readonly scope: KindScope };

/** Words of SQL, which can't stand bare as the name of a table: that of such a kind is called after several of it, as `users` is. */
const sqlWords: ReadonlySet<string> = new Set(["check", "column", "grant", "group", "limit", "order", "table", "union", "user", "window"]);

const referentOf = (message: DescMessage): Referent => {
  const name = snakeCase(message.name);
  const { deletion, plural: declared, readPermission } = kindOptionsOf(message);
  const plural = declared || `${name}s`;
  const isBuiltin = /^userd\b/.test(message.file.proto.package);
  const table = isBuiltin ? (sqlWords.has(name) ? plural : name) : `${MOUNTED_SCHEMA}.${name}`;
  const referent = { name, plural, message, table, readPermission, isSoft: deletion === KindDeletion.SOFT };
  if (scopeOf(message) === KindScope.ORGANIZATIONS) return { ...referent, belongsTo: undefined, sharedBy: `${table}_${ORGANIZATION}` };
  if (scopeOf(message) === KindScope.PROFILE) return { ...referent, belongsTo: { to: PROFILE, column: OWNER_PROFILE_ID } };
  const column = scopeOf(message) === KindScope.GLOBAL ? "id" : ORGANIZATION_ID;
  return { ...referent, belongsTo: { to: ORGANIZATION, column } };
};

const readDraft = (message: DescMessage, referents: ReadonlyMap<string, Referent>, note: Note): Draft => {
  const options = kindOptionsOf(message);
  const referent = referentOf(message);
  const isList = (field: DescMessage["fields"][number]) => field.fieldKind === "list" && !isListOfValues(field);
  checkOptions(message, options, note);
  checkStandard(message, referent.isSoft, note);
  checkNames(message, referent, options, note);
  const open = message.fields.filter((field) => !isSecret(field));
  const columns = open.filter((field) => !isList(field)).flatMap((field) => readColumn(field, referents, note) ?? []);
  const links = open.filter(isList).flatMap((field) => readLink(field, referent.table, referents, note) ?? []);
  const keys = options.keys.map((key) => readList(message, `the key "${key.name}"`, key, columns, note));
  const indexes = options.indexes.map(({ fields }) => readList(message, INDEX, { name: fields.join("_"), fields }, columns, note));
  const choices = options.choices.map(({ fields }) => ({
    name: fields.join("_or_"),
    columns: columnsOf(message, "a choice", fields, columns, note),
  }));
  const secrets = readSecrets(message, options, columns, note);
  checkLengths(message, { name: referent.name, columns: [...columns, ...secrets], lists: [...keys, ...indexes] }, note);
  checkSlugs(columns, keys, note);
  checkChoices(message, choices, note);
  checkImports({ message, columns, keys }, note);
  checkLarge(message, options, { columns, links }, note);
  const aggregates: readonly AggregateKind[] =
    options.aggregates.length > 0
      ? options.aggregates.filter(isAggregateKind)
      : [`kinds:${referent.belongsTo?.to ?? ORGANIZATION}`, ...(referent.sharedBy === undefined ? [] : (["kinds:shared"] as const))];
  const cachedBy = options.cached ? aggregates.find((kind) => kind === referent.name) : undefined;
  if (options.cached && cachedBy === undefined) note(message, "is cached, and its resources have no aggregate each");
  const retention = readRetention(message, options, columns, note);
  return {
    ...referent,
    file: message.file,
    service: getOption(message.file, family).service,
    label: referent.name.replaceAll("_", " "),
    columns,
    links,
    secrets,
    parents: columns.filter(({ reference }) => reference?.isParent),
    scope: options.scope,
    keys,
    indexes,
    choices,
    writePermission: options.writePermission,
    revealPermission: options.revealPermission,
    verifyPermission: options.verifyPermission,
    hasOwnReasons: options.ownReasons,
    isLarge: options.large,
    ...(retention && { retention }),
    aggregates,
    cachedBy,
  };
};

/** The things that a kind is part of, from its parent up; undefined when they do not end in what has no parent. */
const ancestorsOf = (
  draft: Draft,
  drafts: ReadonlyMap<string, Draft>,
  known: readonly Kind[],
  note: Note,
): readonly Ancestor[] | undefined => {
  const ancestors: Ancestor[] = [];
  for (let at: Draft | undefined = draft; at !== undefined && (hasParent(at.message) || at.parents.length > 0); ) {
    const [parent, other]: readonly Column[] = at.parents;
    const to: Referent | undefined = parent?.reference?.to;
    if (at === draft && other !== undefined) note(other.field, "is a second parent");
    if (parent === undefined || to === undefined) {
      if (at === draft) note(draft.message, "has no parent");
      return undefined;
    }
    if (ancestors.some((one) => one.to.name === to.name) || to.name === draft.name) {
      note(parent.field, "is in a cycle of parents");
      return undefined;
    }
    ancestors.push({ to, column: parent.name }, ...(known.find(({ name }) => name === to.name)?.ancestors ?? []));
    at = drafts.get(to.name);
  }
  return ancestors;
};

const checkTables = (drafts: readonly Draft[], taken: Iterable<string>, note: Note): void => {
  const names = new Set(taken);
  for (const { message, table, links } of drafts) {
    for (const name of [table, ...links.map((link) => link.table)].map(unqualified)) {
      if (names.has(name)) note(message, `has a name that is taken: "${name}"`);
      names.add(name);
    }
  }
};

const readAll = (files: readonly DescFile[], taken: Iterable<string>, known: readonly Kind[]): readonly Kind[] => {
  const { note, faults } = createNotes();
  const messages = files.flatMap((file) => file.messages.filter((message) => hasOption(message, kindOption)));
  const referents = new Map([...messages.map(referentOf), ...known, ...others].map((referent) => [referent.name, referent]));
  const all = messages.map((message) => readDraft(message, referents, note));
  const drafts = new Map(all.map((draft) => [draft.name, draft]));
  checkTables(all, [...taken, ...others.map(({ name }) => name)], note);
  checkModels(all, note);
  const kinds = all.flatMap(({ parents, scope, ...draft }): Kind[] => {
    const whole = { ...draft, parents, scope };
    const ancestors = ancestorsOf(whole, drafts, known, note);
    if (ancestors === undefined) return [];
    checkScope(whole, ancestors[0]?.to, (name) => drafts.has(name) && name !== ORGANIZATION, note);
    const parent = parents[0] ?? draft.columns.find(({ name }) => name === "id");
    if (parent === undefined) return [];
    const listedBy = draft.sharedBy === undefined ? parent.field : { name: ORGANIZATION_ID, localName: "organizationId" };
    // What belongs to nothing known belongs to no organization either.
    const columns = draft.columns.map((column) =>
      column.name === ORGANIZATION_ID && parent.isNullable ? { ...column, isNullable: true } : column,
    );
    return [{ ...draft, columns, parent, listedBy, ancestors }];
  });
  checkReferencesToLarge(kinds, note);
  checkRpcs(kinds, note);
  const ordered = inOrder(kinds, note);
  if (faults.length > 0) throw new KindFaults(faults, all);
  return ordered;
};

/** A column as it is in a table that is older than kinds: the etag is called after what it counts, and enums begin with 0. */
const ofOlderTable = (column: Column): Column => {
  if (column.name === "etag") return { ...column, name: "version" };
  return column.type === "smallint" ? { ...column, enumBase: 1 } : column;
};

/** The models whose tables and services are written by hand, described like kinds: organizations, projects and teams. */
export const models: readonly Kind[] = readAll([organizationFile, projectFile, teamFile], [], []).map((kind) => ({
  ...kind,
  columns: kind.columns.map(ofOlderTable),
}));

/**
 * Reads the kinds that proto files declare, parents first. Besides each other, kinds can refer to organizations, projects, teams, users and
 * profiles.
 * @param taken the names of all other tables, which no kind can have.
 * @throws KindFaults with all faults of all these kinds.
 */
export const readKinds = (files: readonly DescFile[], taken: Iterable<string>): readonly Kind[] => readAll(files, taken, models);
