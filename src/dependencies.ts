import { createFreshness, type Freshness } from "./cache/freshness.ts";
import { createConsistencyTokens } from "./cache/token.ts";
import { createIdempotency } from "./db/idempotency.ts";
import type { OwnedDatabase } from "./db/open.ts";
import type { Database } from "./db/orm.ts";
import { createWrite, type Write } from "./db/transaction.ts";
import { createOptionLoader, type OptionLoader } from "./options/option.loader.ts";

/** What operations are made of: an operation takes the few that it uses. */
export type Dependencies = {
  readonly db: Database;
  readonly write: Write;
  readonly freshness: Freshness;
  readonly optionLoader: OptionLoader;
};

/** Makes them over one database. */
export const createDependencies = (db: OwnedDatabase): Dependencies => {
  const tokens = createConsistencyTokens(db.secretKey);
  return {
    db,
    write: createWrite(db, tokens, createIdempotency(db.secretKey)),
    freshness: createFreshness(db, tokens),
    optionLoader: createOptionLoader(db),
  };
};
