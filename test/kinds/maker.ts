import { type DescField, getOption, ScalarType } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { field as rules } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { type Column, type Kind, PROFILE, type Secret, sealedOf } from "../../src/contract/kinds/kind.ts";
import { type StandardVerb, standardMethods } from "../../src/contract/kinds/methods.ts";
import { DeleteProfileMode } from "../../src/gen/userd/v1/user_profile_pb.ts";
import { resourceField, severalField } from "../../src/kinds/resource-fields.ts";
import { createAccount, createOrganization, createProfile, createProject, createTeam, createUser, unique } from "../support/build.ts";
import type { Clients } from "../support/clients.ts";

/** A resource as a client has it. */
export type Shown = Readonly<Record<string, unknown>> & { readonly id: bigint; readonly organizationId: bigint; readonly etag: string };

/** The answer to any standard RPC. */
export type Answer = Readonly<Record<string, unknown>> & { readonly consistencyToken: string; readonly nextPageToken: string };

/** Calls a standard RPC of a kind. */
export type Caller = (verb: StandardVerb, request: object, options?: object) => Promise<Answer>;

/** What makes valid resources of a kind, and calls its RPCs. */
export type Maker = {
  readonly kind: Kind;
  /** The name of requests' and answers' field that holds a resource. */
  readonly field: string;
  readonly several: string;
  /** The organization that the resources belong to, or the profile. */
  readonly organizationId: bigint;
  /** What its lists are of: the parent, or an organization that shares the resources. */
  readonly parentId: bigint;
  /** A valid resource that no other is like, with new ones of what it has to refer to. */
  readonly valid: (fields?: object) => Promise<Record<string, unknown>>;
  /** The ids of what fields can refer to, by model. */
  readonly things: Readonly<Record<string, bigint>>;
  readonly call: Caller;
  readonly create: (fields?: object) => Promise<Shown>;
  /** Deletes what the resources are part of. */
  readonly deleteParent: () => Promise<unknown>;
};

/** The kinds that resources of a kind refer to, besides their parent. */
export const referredKinds = ({ kinds }: Clients, { columns }: Kind): readonly Kind[] =>
  kinds.filter(({ name }) => columns.some(({ reference }) => reference?.to.name === name && !reference.isParent));

/** Whether profiles own the resources of a kind. */
export const isOwned = ({ belongsTo }: Kind): boolean => belongsTo?.to === PROFILE;

/** A new organization, or a new profile, for resources of a kind to belong to. */
export const createRoot = async (clients: Clients, kind: Kind): Promise<bigint> =>
  isOwned(kind)
    ? (await createProfile(clients, (await createUser(clients)).id, (await createAccount(clients)).id)).id
    : (await createOrganization(clients, { name: unique("Root ") })).id;

/** Removes an organization or a profile, with all that belongs to it. */
export const removeRoot = (clients: Clients, kind: Kind, id: bigint): Promise<unknown> =>
  isOwned(kind) ? clients.profiles.deleteProfile({ id, mode: DeleteProfileMode.CASCADE }) : clients.organizations.purgeOrganization({ id });

/** The kinds that repeated references of a kind name. */
export const linkedKinds = ({ kinds }: Clients, { links }: Kind): readonly Kind[] =>
  kinds.filter(({ name }) => links.some(({ to }) => to.name === name));

/** What kinds refer to that is no kind itself, or the profile that owns the resources. */
const basisOf = async (clients: Clients, organizationId: bigint, kind: Kind): Promise<Readonly<Record<string, bigint>>> => {
  if (isOwned(kind)) return { profile: organizationId };
  const [project, team, user] = await Promise.all([
    createProject(clients, organizationId),
    createTeam(clients, organizationId),
    createUser(clients),
  ]);
  return { organization: organizationId, project: project.id, team: team.id, user: user.id };
};

/** Something for each model that fields of a kind refer to; `basis` is what is made only once for a resource and all that it refers to. */
const referable = async (clients: Clients, organizationId: bigint, kind: Kind, basis: Readonly<Record<string, bigint>>) => {
  const made: Record<string, bigint> = { ...basis };
  for (const other of [...referredKinds(clients, kind), ...linkedKinds(clients, kind)])
    made[other.name] = (await (await makerIn(clients, other, organizationId, basis)).create()).id;
  return made;
};

/** Something new for each model that fields of a kind refer to. */
export const thingsOf = async (clients: Clients, organizationId: bigint, kind: Kind): Promise<Readonly<Record<string, bigint>>> =>
  referable(clients, organizationId, kind, await basisOf(clients, organizationId, kind));

/** More things that a maker's resources can refer to: where organizations share them, another organization. */
export const moreThings = async (clients: Clients, { kind, organizationId }: Maker): Promise<Readonly<Record<string, bigint>>> => ({
  ...(await thingsOf(clients, organizationId, kind)),
  ...(kind.sharedBy !== undefined && { organization: (await createOrganization(clients)).id }),
});

/** The columns that may have a value only when another one has none. */
export const alternatives = ({ choices }: Kind): readonly Column[] => choices.flatMap(({ columns: [, ...others] }) => others);

let moment = 1_700_000_000_000;
let count = 0;

/** Whether a text has to be a semantic version. */
export const isSemVer = (field: DescField): boolean => {
  const { type } = getOption(field, rules);
  return (
    type.case === "string" &&
    type.value.pattern !== "" &&
    new RegExp(type.value.pattern).test("1.0.0") &&
    !new RegExp(type.value.pattern).test("x")
  );
};

/** A valid value of a column that is no reference, and not what it was before. */
export const anotherValue = ({ type, field, maxLength, isUuid }: Column, before?: unknown): unknown => {
  if (isUuid) return crypto.randomUUID();
  if (type === "text") return isSemVer(field) ? `1.0.${moment++}` : unique().slice(0, maxLength);
  if (type === "timestamptz") return timestampFromMs(moment++);
  if (field.fieldKind === "list") return field.listKind === "scalar" ? [unique(), "Ärger"] : [{ [unique()]: 1 }, {}];
  if (type === "jsonb") return { text: unique(), list: [1, null, { deep: true }] };
  if (type === "boolean") return before !== true;
  if (type === "smallint") return field.enum?.values.find(({ number }) => number > 0 && number !== before)?.number;
  // No key is given twice, as random ones would be now and then.
  const number = (count++ % 65_000) + 1;
  return field.scalar === ScalarType.INT64 ? BigInt(number) : number;
};

/** A valid value of a sealed field, and not what it was before. */
export const anotherSecret = ({ isBytes }: Pick<Secret, "isBytes">): string | Uint8Array => {
  const text = unique("secret ");
  return isBytes ? new TextEncoder().encode(text) : text;
};

/** A resource as all answers show it: without its secrets, which it may have been sent or created with. */
export const withoutSecrets = <T extends object>({ secrets }: Kind, resource: T): T => ({
  ...resource,
  ...Object.fromEntries(secrets.map(({ field }) => [field.localName, undefined])),
});

/** What calls the RPCs of a kind, and the names of the fields that hold a resource, or several. */
export const callerOf = (clients: Clients, kind: Kind) => {
  const client = clients.families[kind.service] as unknown as Record<string, (request: object, options?: object) => Promise<Answer>>;
  const call: Caller = (verb, request, options) => {
    const name = standardMethods(kind).find(([one]) => one === verb)?.[1] ?? "";
    const made = client[name.charAt(0).toLowerCase() + name.slice(1)]?.(request, options);
    return made ?? Promise.reject(new Error(`${kind.name} has no ${verb}`));
  };
  return { call, field: resourceField(kind), several: severalField(kind) };
};

const makerIn = async (clients: Clients, kind: Kind, organizationId: bigint, basis: Readonly<Record<string, bigint>>): Promise<Maker> => {
  const things = await referable(clients, organizationId, kind, basis);
  const parentKind = clients.kinds.find(({ name }) => name === kind.parent.reference?.to.name);
  const parentMaker = parentKind && (await makerIn(clients, parentKind, organizationId, basis));
  const parentId = parentMaker ? (await parentMaker.create()).id : (things[kind.parent.reference?.to.name ?? ""] ?? organizationId);
  const { call, field, several } = callerOf(clients, kind);
  const others = await Promise.all(referredKinds(clients, kind).map((other) => makerIn(clients, other, organizationId, basis)));
  const firstValue = (column: Column): unknown => (column.reference ? things[column.reference.to.name] : anotherValue(column));
  const left = alternatives(kind);
  const written = kind.columns.filter((column) => !column.isOutputOnly && !left.includes(column));
  const valid = async (fields: object = {}) => {
    const made = Object.fromEntries(await Promise.all(others.map(async (other) => [other.kind.name, (await other.create()).id] as const)));
    const referring = written.filter(({ reference }) => reference && Object.hasOwn(made, reference.to.name));
    return {
      ...Object.fromEntries(written.map((column) => [column.field.localName, firstValue(column)])),
      ...Object.fromEntries(referring.map(({ field: { localName }, reference }) => [localName, made[reference?.to.name ?? ""]])),
      ...Object.fromEntries(kind.links.map((link) => [link.field.localName, [things[link.to.name]]])),
      ...Object.fromEntries(sealedOf(kind).map((secret) => [secret.field.localName, anotherSecret(secret)])),
      ...(kind.ancestors.length > 0 && { [kind.parent.field.localName]: parentId }),
      ...fields,
    };
  };
  return {
    ...{ kind, field, several, organizationId, parentId, things, valid, call },
    create: async (fields) => {
      if (!kind.isLarge) return withoutSecrets(kind, (await call("Create", { [field]: await valid(fields) }))[field] as Shown);
      const { ids } = await call("Append", { [several]: [await valid(fields)] });
      return (await call("Get", { key: { case: "id", value: (ids as readonly bigint[])[0] } }))[field] as Shown;
    },
    deleteParent: async () => parentMaker?.call("Delete", { id: parentId }) ?? clients.organizations.deleteProject({ id: parentId }),
  };
};

/** Makes resources of a kind, in an organization of their own unless one is given. */
export const makerOf = async (clients: Clients, kind: Kind, within?: bigint): Promise<Maker> => {
  const organizationId = within ?? (await createRoot(clients, kind));
  return makerIn(clients, kind, organizationId, await basisOf(clients, organizationId, kind));
};
