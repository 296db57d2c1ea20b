import pg from "pg";
import { vi } from "vitest";
import { runsByItself } from "../options/statements.ts";

/**
 * The plans, as text, of the statements that a call sends to PostgreSQL, as they are with the values that it binds. Every connection of
 * this process is watched, so nothing else may run meanwhile.
 */
export const plansOf = async (databaseUrl: string, call: () => Promise<unknown>): Promise<readonly string[]> => {
  const sent: { readonly text: string; readonly values: unknown[] }[] = [];
  const { query } = pg.Client.prototype;
  const spy = vi.spyOn(pg.Client.prototype, "query").mockImplementation(function (this: pg.Client, ...args: unknown[]) {
    const [first, given] = args;
    const { text, values } = typeof first === "string" ? { text: first, values: given } : (first as { text: string; values?: unknown });
    if (/^(\/\* (composed|recurring) \*\/)?[\s(]*(select|with)\b/.test(text) && !runsByItself(text)) {
      sent.push({ text, values: Array.isArray(values) ? values : [] });
    }
    return Reflect.apply(query, this, args) as never;
  });
  try {
    await call();
  } finally {
    spy.mockRestore();
  }
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    const plans: string[] = [];
    for (const { text, values } of sent) {
      const { rows } = await client.query<{ "QUERY PLAN": string }>(`explain (costs off) ${text}`, values);
      plans.push(rows.map((row) => row["QUERY PLAN"]).join("\n"));
    }
    return plans;
  } finally {
    await client.end();
  }
};
