import {
  type ImportModel,
  importedValues,
  importLinks,
  importSources,
  type LeftFields,
  linkSources,
} from "../../../../src/contract/kinds/imports.ts";
import type { Column } from "../../../../src/contract/kinds/kind.ts";
import { type ImportedKind, type ImportedLink, type ImportedPart, importedKinds } from "../../../../src/import/kinds/staging.ts";
import type { FileRecord } from "../records.ts";
import {
  answered,
  anything,
  type Check,
  type Expect,
  type Found,
  flag,
  ignored,
  key,
  listed,
  type Rule,
  text,
  timeOf,
  value,
} from "../rule.ts";
import type { World } from "../world.ts";

const OWNER = /^(user|team):(.+)$/;

/** The user or team that is the owner: by its name, or by an actor of the file. */
const ownerOf = (says: unknown, of: string, { recordOf }: World): unknown => {
  const [, what, pk] = OWNER.exec(String(says)) ?? [];
  if (what !== undefined) return what === of ? pk : null;
  const { fields = {} } = recordOf(["sentry.actor"], says) ?? {};
  return fields[`${of}_id`] ?? fields[of] ?? null;
};

const reference =
  (column: Column): Expect =>
  async (says, { fields }, world) => {
    const to = column.reference?.to.name ?? "";
    // What another of its names says counts.
    const sources = importSources(column.field, true);
    const found = sources.flatMap(({ names, isOwner }) =>
      names.flatMap((name) => ((fields[name] ?? null) === null ? [] : [isOwner ? ownerOf(fields[name], to, world) : fields[name]])),
    );
    const [pk = says] = found;
    if ((pk ?? null) === null) return null;
    return to === "user" ? world.userOf(pk) : world.idOf(to, pk);
  };

const expectOf = (column: Column): Expect => {
  const { name, type, field, defaultValue } = column;
  if (column.reference !== undefined) return reference(column);
  const names = importedValues(field);
  if (importSources(field, false).some(({ isOfWords }) => isOfWords)) return (says) => (says as readonly string[]).join(" ");
  const nameOf = (number: unknown) => field.enum?.values.find((one) => one.number === number)?.name;
  const converted: Readonly<Record<Column["type"], Expect>> = {
    text,
    boolean: flag,
    bigint: (says) => (says === null && column.isNullable ? null : String(says ?? 0)),
    int: (says) => says ?? defaultValue,
    "double precision": (says) => says ?? defaultValue,
    smallint: (says) => nameOf(says === null ? defaultValue : names.get(String(says))),
    timestamptz: (says) => (says === null && name === "create_time" ? anything : timeOf(says)),
    jsonb: value,
    // Nobody is shown what is stored of a token; test/import/org-auth-tokens.test.ts verifies one.
    bytea: () => anything,
  };
  return converted[type];
};

const checksOf = (columns: readonly Column[], part = ""): Record<string, Check[]> => {
  const checks: Record<string, Check[]> = {};
  for (const column of columns)
    for (const source of importSources(column.field, column.reference !== undefined).filter((one) => one.part === part))
      for (const name of source.names) {
        checks[name] ??= [];
        checks[name].push(answered(column.field.jsonName, expectOf(column), column.name));
      }
  return checks;
};

const found = async ({ kind }: ImportedKind, record: FileRecord, { idOf, answers }: World): Promise<Found | undefined> => {
  const id = idOf(kind.name, record.pk);
  const answer = id === undefined ? undefined : await answers.resource(kind.name, id);
  return answer === undefined ? undefined : { name: `${kind.name} ${id}`, answer };
};

const said = ({ fields }: FileRecord, names: readonly string[]): unknown =>
  names.map((name) => fields[name] ?? null).find((one) => one !== null);

const modelsOf = ({ models }: ImportedKind): readonly string[] => models.map(({ model }) => model);

const ignoredFields = (left: LeftFields): Readonly<Record<string, Check>> =>
  Object.fromEntries(Object.keys(left).map((name) => [name, ignored]));

/** What is part of something repeats whose that is. */
const ofOrganization = answered("organizationId", (pk, _, world) => (pk === null ? anything : world.idOf("organization", pk)));

const keys = (names: readonly string[]): Readonly<Record<string, Check>> => Object.fromEntries(names.map((name) => [name, key]));

const kindRule = (one: ImportedKind, { model, left }: ImportModel): Rule => ({
  model,
  find: (record, world) => found(one, record, world),
  fields: {
    ...ignoredFields(left),
    ...(one.kind.ancestors.length > 1 && { organization: ofOrganization, organization_id: ofOrganization }),
    ...checksOf(one.columns),
    ...keys(one.parts.flatMap(({ names }) => names)),
    ...Object.fromEntries(
      one.links.flatMap(({ link }) =>
        linkSources(link).map((name) => [
          name,
          listed(link.field.jsonName, `${model}.${name}`, (member, world) => world.idOf(link.to.name, member)),
        ]),
      ),
    ),
  },
});

const partRule = (one: ImportedKind, { model, left, names, columns }: ImportedPart): Rule => ({
  model,
  find: async ({ pk }, world) => {
    const named = world.file.find((record) => modelsOf(one).includes(record.model) && String(said(record, names)) === pk);
    return named === undefined ? undefined : found(one, named, world);
  },
  fields: { ...ignoredFields(left), ...checksOf(columns, model) },
});

const linkRules = (one: ImportedKind, { link }: ImportedLink): readonly Rule[] =>
  importLinks(link)
    .filter(({ model }) => !importedKinds.some((other) => modelsOf(other).includes(model)))
    .map(({ model, resource, linked, left }) => ({
      model,
      find: async (record, world) => {
        const owner = world.recordOf(modelsOf(one), said(record, resource));
        const from = owner === undefined ? undefined : await found(one, owner, world);
        const id = world.idOf(link.to.name, said(record, linked));
        const isThere = (from?.answer[link.field.jsonName] as unknown[] | undefined)?.includes(id);
        return isThere ? { name: `${from?.name} of ${link.to.name} ${id}`, answer: {} } : undefined;
      },
      fields: { ...ignoredFields(left), ...keys([...resource, ...linked]) },
    }));

const actor: Rule = {
  model: "sentry.actor",
  find: async ({ pk }) => ({ name: `actor ${pk}`, answer: {} }),
  fields: { ...keys(["user", "user_id", "team", "team_id"]), type: ignored },
};

/** Resources of kinds, as their messages declare how they are imported. */
export const kindRules: readonly Rule[] = [
  actor,
  ...importedKinds.flatMap((one) => [
    ...one.models.map((model) => kindRule(one, model)),
    ...one.parts.map((part) => partRule(one, part)),
    ...one.links.flatMap((link) => linkRules(one, link)),
  ]),
];
