import { Client, type QueryConfig } from "pg";

/** The texts that come with bound parameters are few and constant; what is composed per request would fill the server. */
const MAX_NAMES = 200;

/** One name per text, the same for all connections. */
const names = new Map<string, string>();

const nameOf = (text: string): string | undefined => {
  const known = names.get(text);
  if (known !== undefined || names.size >= MAX_NAMES) return known;
  const name = `userd_${names.size + 1}`;
  names.set(text, name);
  return name;
};

/**
 * Prepares every statement with bound parameters once per connection: parsing and planning are two thirds of what a
 * small read costs the database. Neither Kysely nor MikroORM names statements, so the driver's client does it.
 */
export class PreparingClient extends Client {
  override query(...args: unknown[]): never {
    const [text, values] = args;
    const isBound = args.length === 2 && typeof text === "string" && Array.isArray(values) && values.length > 0;
    const name = isBound ? nameOf(text) : undefined;
    const rest = name === undefined ? args : [{ name, text, values } as QueryConfig];
    return (super.query as (...args: unknown[]) => never).apply(this, rest);
  }
}
