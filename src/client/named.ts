/** What a message speaks of, such as `user:42`: by it a read is matched with the writes before it. */
export type Named = ReadonlySet<string>;

/** The fields that name something, by the thing that they name. */
const fields: Readonly<Record<string, string>> = {
  userId: "user",
  userIds: "user",
  organizationId: "organization",
  organizationIds: "organization",
  projectId: "project",
  projectIds: "project",
  accountId: "account",
  accountIds: "account",
  profileId: "profile",
  profileIds: "profile",
  ownerProfileId: "profile",
  username: "name",
  email: "name",
};

/** The things whose own `id` is called just that, in messages that have their name, such as GetUserRequest. */
const things = /(User|Organization|Project|Account|Profile)/;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === "object" && value !== null;

const add = (named: Set<string>, thing: string, value: unknown): void => {
  for (const one of Array.isArray(value) ? value : [value]) {
    const isId = typeof one === "bigint" && one !== 0n;
    if (isId || (typeof one === "string" && one !== "")) named.add(`${thing}:${String(one).toLowerCase()}`);
  }
};

const visit = (named: Set<string>, message: Readonly<Record<string, unknown>>, typeName: string, depth: number): void => {
  for (const [field, value] of Object.entries(message)) {
    if (value === undefined || field === "value") continue;
    const thing = field === "id" ? things.exec(typeName)?.[1]?.toLowerCase() : fields[field];
    if (thing !== undefined) add(named, thing, value);
    else if (depth > 0 && isObject(value)) look(named, value, typeName, depth - 1);
  }
};

const look = (named: Set<string>, value: Readonly<Record<string, unknown>>, typeName: string, depth: number): void => {
  if (Array.isArray(value)) {
    for (const one of value) if (isObject(one)) look(named, one, typeName, depth);
    return;
  }
  const { case: field, value: chosen, $typeName = typeName } = value;
  if (typeof field === "string") visit(named, { [field]: chosen }, typeName, depth);
  else visit(named, value, String($typeName).split(".").at(-1) ?? "", depth);
};

/** Returns what messages name: users, organizations, projects, accounts and profiles by their ids, users also by their names. */
export const namedIn = (...messages: readonly object[]): Named => {
  const named = new Set<string>();
  for (const message of messages) look(named, message as Readonly<Record<string, unknown>>, "", 4);
  return named;
};
