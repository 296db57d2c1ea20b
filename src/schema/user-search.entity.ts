import { defineEntity, p } from "@mikro-orm/core";

/**
 * What free text is searched in: the folded name, username and addresses of a user, each on a line of its own, so that
 * one index serves them all and a line can be matched from its beginning. Triggers write and delete it; it is not part of the user,
 * and outside those that move versions.
 */
export const UserSearch = defineEntity({
  name: "UserSearch",
  tableName: "user_search",
  properties: {
    userId: p.bigint().primary().autoincrement(false),
    lines: p.text().collation("C"),
  },
  indexes: [
    // Only where the database has pg_trgm: the migration sees to it.
    { name: "user_search_lines_index", expression: "create index user_search_lines_index on user_search using gin (lines gin_trgm_ops)" },
  ],
});
