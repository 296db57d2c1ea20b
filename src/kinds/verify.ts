import { type RawBuilder, sql } from "kysely";
import { resourceNotFound } from "../contract/kinds/errors.ts";
import { type Kind, OWNER_PROFILE_ID, PROFILE, tokenOf } from "../contract/kinds/kind.ts";
import { type Compiled, compiled, place } from "../db/compiled.ts";
import { tokenHash } from "../secrets/secret-token.ts";
import { presentUser } from "../users/present.ts";
import { oncePerKind } from "./once-per-kind.ts";
import { resourceField } from "./resource-fields.ts";
import { columnsOf, deletedAncestor, joinedAncestors, type Row, toMessage } from "./row.ts";
import { answerOf, fieldsOf, type StandardMethod } from "./standard-method.ts";

/** The user of the profile that owns a row `r` can act here. */
const ownerIsPresent = sql<boolean>`exists (
  select from user_profile p join users u on u.id = p.user_id where p.id = ${sql.ref(`r.${OWNER_PROFILE_ID}`)} and ${presentUser("u")})`;

/** The conditions under which a token of a row `r` is valid. */
const isValid = (kind: Kind): RawBuilder<boolean> => {
  const { ends = [], active } = tokenOf(kind)?.token ?? {};
  return sql`${sql.join(
    [
      sql`${deletedAncestor(kind)} is null`,
      ...(kind.belongsTo?.to === PROFILE ? [ownerIsPresent] : []),
      ...(kind.isSoft ? [sql`r.delete_time is null`] : []),
      ...ends.map(({ name }) => sql`(${sql.ref(`r.${name}`)} is null or ${sql.ref(`r.${name}`)} > now())`),
      ...(active === undefined ? [] : [sql.ref(`r.${active.name}`)]),
    ],
    sql` and `,
  )}`;
};

/** Selects the row of a valid token. If it was not used in the last minute, that is written down, unless another write has the row just now. */
const readOf = oncePerKind((kind): Compiled<Row> => {
  const hashed = tokenOf(kind);
  const table = sql.table(kind.table);
  const found = sql`
    select ${columnsOf(kind)} from ${table} r ${joinedAncestors(kind)}
    where ${sql.ref(`r.${hashed?.name}`)} = ${place("hash")}::bytea and ${isValid(kind)}`;
  const { lastUsed } = hashed?.token ?? {};
  if (lastUsed === undefined) return compiled(sql<Row>`${found}`);
  const used = sql.ref(lastUsed.name);
  const shown = [...kind.columns.filter((column) => column !== lastUsed), ...kind.links].map(({ name }) => sql.ref(`f.${name}`));
  return compiled(sql<Row>`
    with found as (${found}),
    due as (
      select r.id from ${table} r join found f on f.id = r.id
      where r.${used} is null or r.${used} < now() - interval '1 minute' for no key update of r skip locked
    ),
    marked as (update ${table} r set ${used} = now() from due where due.id = r.id returning r.${used})
    select ${sql.join(shown)}, coalesce(m.${used}, f.${used}) as ${used} from found f left join marked m on true`);
});

/**
 * VerifyX: finds the resource whose token the request has, by its hash and in one statement. A token that is unknown, of something deleted, of a
 * user who is not present, expired or inactive is NOT_FOUND, without a difference.
 */
export const verifyToken: StandardMethod = ({ db, permits }, kind, method) => {
  const field = resourceField(kind);
  return async (call, request) => {
    // It is no write of a resource, so no transaction checks it.
    await permits.before(call, method, request);
    const { token } = fieldsOf<{ readonly token: string }>(request);
    const row = await db.session(call).row(readOf(kind)({ hash: tokenHash(token) }));
    if (row === undefined) throw resourceNotFound(kind);
    return answerOf({ [field]: toMessage(kind, row) });
  };
};
