import { LRUCache } from "lru-cache";

/** The texts that come with bound parameters are constant, about a dozen for each kind; what is composed per request would fill the server. */
const MAX_NAMES = 500;

/** The most statements with the comment `RECURRING` that each connection has prepared. */
const MAX_RECURRING = 64;

/** The comment at the beginning of statements that are composed per request: they have too many different texts to be prepared. */
export const COMPOSED = "/* composed */";

/**
 * The comment at the beginning of statements that are composed per request as well, but of parts that come again, such as the filter of a page
 * that many look at. Those that ran last are prepared.
 */
export const RECURRING = "/* recurring */";

/** The names of prepared statements, keyed by text; they are the same for all connections. */
const names = new Map<string, string>();

/** How often the names were renewed, which each name begins with. */
let renewals = 0;

const newNames = (): string[] => Array.from({ length: MAX_RECURRING }, (_, index) => `userd_${renewals}_recurring_${index + 1}`);

/** The names that no recurring statement has. A connection that knows another text by such a name parses the new one. */
let free = newNames();

/** The names of the recurring statements that ran last, keyed by text. */
const recurring = new LRUCache<string, string>({ max: MAX_RECURRING, dispose: (name) => free.push(name) });

/** Gives all statements new names, so that each connection prepares them anew. The old ones go with their connections. */
export const prepareAnew = (): void => {
  names.clear();
  recurring.clear();
  renewals += 1;
  free = newNames();
};

const recurringName = (text: string): string | undefined => {
  const known = recurring.get(text);
  if (known !== undefined) return known;
  if (free.length === 0) recurring.pop();
  const name = free.pop();
  if (name !== undefined) recurring.set(text, name);
  return name;
};

/** Returns the name by which a statement is prepared on each connection; undefined = it is prepared for each run. */
export const nameOf = (text: string): string | undefined => {
  const known = names.get(text);
  if (known !== undefined) return known;
  if (text.startsWith(RECURRING)) return recurringName(text);
  // MikroORM's updates name the columns that have changed: there are as many texts as sets of columns.
  if (names.size >= MAX_NAMES || text.startsWith(COMPOSED) || text.startsWith('update "')) return undefined;
  const name = `userd_${renewals}_${names.size + 1}`;
  names.set(text, name);
  return name;
};
