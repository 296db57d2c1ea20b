/** The model name that userd gives to users in its own file format. Each line of such a file is an ImportUsersRequest in JSON. */
export const OWN_MODEL = "userd.user";

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Turns a parsed line of userd's own format (`{"user": {…}, "passwordHash": …}`) into a record; returns any other value as it is. */
export const recordOfLine = (value: unknown): unknown => {
  if (!isObject(value) || Object.hasOwn(value, "model") || !Object.hasOwn(value, "user")) return value;
  const { user } = value;
  // 0 says in JSON what absence does: a new id.
  const id = isObject(user) && user["id"] !== 0 && user["id"] !== "0" ? user["id"] : undefined;
  return { model: OWN_MODEL, pk: id, fields: value };
};
