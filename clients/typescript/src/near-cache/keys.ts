/** The project or organization of an option; neither = the global scope. */
export type Scope = {
  /** The id of the project; absent = none. */
  readonly projectId?: bigint | undefined;
  /** The id of the organization; absent = none. */
  readonly organizationId?: bigint | undefined;
};

// Ids are digits, and what is free text comes last or says its length: no two questions have one key.

/** Returns the key of an option of a user in one scope. */
export const optionKey = (userId: bigint, key: string, scope: Scope | undefined): string =>
  scope === undefined ? `o${userId}///${key}` : `o${userId}/${scope.projectId ?? ""}/${scope.organizationId ?? ""}/${key}`;

/** Returns the key of resolved options. */
export const resolvedKey = (userId: bigint, keys: readonly string[], scope: Scope | undefined): string => {
  let text = `r${userId}/${scope?.projectId ?? ""}/${scope?.organizationId ?? ""}`;
  for (const key of keys) text += `/${key.length}:${key}`;
  return text;
};

/** Returns the key of a user in one view. */
export const userKey = (id: bigint, view: number): string => `u${id}/${view}`;

/** Returns the key of an access check. */
export const checkKey = (userId: bigint, relation: number, target: string, id: bigint): string => `a${userId}/${relation}/${target}/${id}`;
