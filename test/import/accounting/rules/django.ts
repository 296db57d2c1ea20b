import type { FileRecord } from "../records.ts";
import { answered, anything, type Expect, ifSaid, ignored, key, listed, type Rule, timeIfSaid, unknown } from "../rule.ts";
import type { World } from "../world.ts";
import { djangoFields, findUser } from "./users.ts";

/** The name of a permission: the app's label, or the number of its content type, and the codename. */
const permissionOf = (member: unknown, { recordOf }: World): string | undefined => {
  if (Array.isArray(member)) return `${String(member[1])}.${String(member[0])}`;
  const permission = recordOf(["auth.permission"], member)?.fields;
  if (permission === undefined) return undefined;
  const { content_type: type, codename } = permission;
  const label = Array.isArray(type)
    ? type[0]
    : (recordOf(["contenttypes.contenttype"], type)?.fields.app_label ?? `contenttype_${String(type)}`);
  return `${String(label)}.${String(codename)}`;
};

const groupOf = (member: unknown, { recordOf }: World): unknown =>
  Array.isArray(member) ? member[0] : recordOf(["auth.group"], member)?.fields.name;

const partsOf = (fields: FileRecord["fields"]) => [fields.first_name, fields.last_name].filter((part) => part).join(" ");
const fullName: Expect = (_, { fields }) => partsOf(fields);
/** Empty parts say nothing beside a whole name. */
const ownName: Expect = (_, { fields }) => partsOf(fields) || anything;
const ifFilled: Expect = (value) => value || anything;
/** Whoever has no address has the one that allauth calls the primary one. */
const email: Expect = (value, { pk }, { file }) =>
  value ||
  (file.find(({ model, fields }) => model === "account.emailaddress" && fields.primary === true && String(fields.user) === pk)?.fields
    .email ??
    "");
const ifFlag = ifSaid((value) => value);
const linked = (model: string) => ({
  groups: listed("roleNames", `${model}.groups`, groupOf),
  user_permissions: listed("permissions", `${model}.user_permissions`, permissionOf),
});

const authUser: Rule = {
  model: "auth.user",
  find: findUser,
  fields: {
    ...djangoFields,
    email: answered("email", email),
    first_name: answered("name", fullName, "name"),
    last_name: answered("name", fullName, "name"),
    ...linked("auth.user"),
  },
};

/** A project's own model, as in the case of one. */
const customUser: Rule = {
  ...authUser,
  model: "users.user",
  fields: {
    ...authUser.fields,
    ...linked("users.user"),
    name: answered("name", ifFilled),
    full_name: answered("name", ifFilled),
    first_name: answered("name", ownName),
    last_name: answered("name", ownName),
    is_active: answered("isActive", ifFlag),
    is_staff: answered("isStaff", ifFlag),
    is_superuser: answered("isSuperuser", ifFlag),
    is_admin: answered("isStaff", ifFlag),
    theme: unknown,
    date_created: answered("dateJoined", timeIfSaid),
    created_at: answered("dateJoined", timeIfSaid),
    created: answered("dateJoined", timeIfSaid),
  },
};

const authGroup: Rule = {
  model: "auth.group",
  find: async ({ fields }, { answers }) => {
    const answer = (await answers.roles()).find(({ name }) => name === fields.name);
    return answer === undefined ? undefined : { name: `role ${String(fields.name)}`, answer };
  },
  fields: { name: key, permissions: listed("permissions", "auth.group.permissions", permissionOf) },
};

/** Whoever has it: a group or a user of the file. */
const holdersOf = async (name: string, { file, answers, idOf }: World) => {
  for (const { model, fields, pk } of file) {
    const answer =
      model === "auth.group"
        ? (await answers.roles()).find((role) => role.name === fields.name)
        : model === "auth.user"
          ? await answers.user(idOf("user", pk) ?? "0")
          : undefined;
    if ((answer?.permissions as string[] | undefined)?.includes(name)) return answer;
  }
  return undefined;
};

const findPermission = async (record: FileRecord, world: World) => {
  const name = permissionOf(record.pk ?? [record.fields.codename, ...(record.fields.content_type as unknown[])], world);
  const answer = name === undefined ? undefined : await holdersOf(name, world);
  return answer === undefined ? undefined : { name: `permission ${name}`, answer };
};

const authPermission: Rule = {
  model: "auth.permission",
  find: findPermission,
  fields: { codename: key, content_type: key, name: ignored },
};

const contentType: Rule = {
  model: "contenttypes.contenttype",
  find: async ({ pk }, world) => {
    const permission = world.file.find(({ model, fields }) => model === "auth.permission" && String(fields.content_type) === pk);
    return permission === undefined ? undefined : findPermission(permission, world);
  },
  fields: { app_label: key, model: ignored },
};

/** Django's own models, and a project's own users. */
export const djangoRules: readonly Rule[] = [authUser, customUser, authGroup, authPermission, contentType];
