import { createHmac, type KeyObject } from "node:crypto";
import { sql } from "kysely";
import type { Session } from "../db/session.ts";
import { subKey } from "../secrets/secrets.ts";

/** An entry of the log at its position. */
type Placed = { readonly id: bigint; readonly position: bigint };

/** The chain of the change log: a MAC over each entry and the one before, so that nobody who lacks SECRET_KEY can rewrite an entry. */
export type AuditChain = {
  /** Adds the entries of a batch in the order of their positions, within the transaction that gives them these. */
  readonly append: (tx: Session, batch: readonly Placed[]) => Promise<void>;
};

/** The outcome of a verification. */
export type Verified = {
  /** How many entries were compared. */
  readonly entries: number;
  /** The last position of the chain, and its MAC in hexadecimal digits: whoever keeps it elsewhere notices when the end is cut off. */
  readonly head: { readonly position: bigint; readonly mac: string } | undefined;
  /** The first position that does not fit, and what is wrong with it. */
  readonly broken: { readonly position: bigint; readonly why: string } | undefined;
};

/** The bytes of a MAC that are kept of each entry: they say which entry of a batch does not fit. Of the last one the whole MAC is kept. */
const TAG_BYTES = 8;
const NOTHING = Buffer.alloc(32);
/** The most batches that are read at once. */
const PAGE = 100;

/** All of an entry, as text that neither the settings of a session nor the order of columns change. */
const content = sql<string>`jsonb_build_array(c.id, extract(epoch from c.change_time), c.kind, c.key, c.operation, to_jsonb(c.changed_columns),
  c.aggregate_kind, c.aggregate_id, c.version, c.xid::text, c.caller, c.acting_user_id, c.request_id, c.changed, c.project_id, c.reason)::text`;

const contentsOf = async (session: Session, ids: readonly bigint[]): Promise<ReadonlyMap<bigint, string>> => {
  const rows = await session.rows(sql<{ id: bigint; content: string }>`
    select c.id, ${content} as content from changes c where c.id = any(${ids.map(String)}::bigint[])`);
  return new Map(rows.map((row) => [row.id, row.content]));
};

const macOf = (key: KeyObject, before: Uint8Array, position: bigint, text: string): Buffer =>
  createHmac("sha256", key).update(before).update(`${position} ${text}`).digest();

/** Makes the chain of the change log. */
export const createAuditChain = (secretKey: Uint8Array): AuditChain => {
  const key = subKey(secretKey, "audit-chain");
  return {
    append: async (tx, batch) => {
      const [first] = batch;
      const last = batch.at(-1);
      if (first === undefined || last === undefined) return;
      const ids = batch.map(({ id }) => id);
      const contents = await contentsOf(tx, ids);
      const before = await tx.row(sql<{ mac: Buffer }>`select mac from audit_chain order by position desc limit 1`);
      let mac: Uint8Array = before?.mac ?? NOTHING;
      const tags = batch.map(({ id, position }) => {
        mac = macOf(key, mac, position, contents.get(id) ?? "");
        return mac.subarray(0, TAG_BYTES);
      });
      await tx.rows(sql`
        insert into audit_chain (position, positions, change_ids, tags, mac, create_time) values (${last.position},
          ${batch.map(({ position }) => String(position))}::bigint[], ${ids.map(String)}::bigint[], ${Buffer.concat(tags)}, ${Buffer.from(mac)}, now())`);
    },
  };
};

type ChainRow = {
  readonly position: bigint;
  readonly positions: readonly bigint[];
  readonly change_ids: readonly bigint[];
  readonly tags: Buffer;
  readonly mac: Buffer;
  readonly is_kept: boolean;
};

/**
 * Compares the change log with its chain, from the first batch on whose months are kept, and stops at the first position that does not fit.
 * @param keptDays the days for which the log is kept: entries of older batches may be gone.
 */
export const verifyAuditChain = async (session: Session, secretKey: Uint8Array, keptDays: number): Promise<Verified> => {
  const key = subKey(secretKey, "audit-chain");
  let before: Buffer = NOTHING;
  let entries = 0;
  let head: Verified["head"];
  for (let after = -1n; ; ) {
    const batches = await session.rows(sql<ChainRow>`
      select position, positions, change_ids, tags, mac, create_time >= now() - make_interval(days => ${keptDays}) as is_kept
      from audit_chain where position > ${after} order by position limit ${sql.lit(PAGE)}`);
    for (const { position: end, positions, change_ids: ids, tags, mac: kept, is_kept: isKept } of batches) {
      const contents = isKept ? await contentsOf(session, ids.map(BigInt)) : new Map<bigint, string>();
      let mac = before;
      for (const [index, id] of isKept ? ids.map(BigInt).entries() : []) {
        const position = BigInt(positions[index] ?? end);
        const text = contents.get(id);
        if (text === undefined) return { entries, head, broken: { position, why: `the entry ${id} is gone` } };
        mac = macOf(key, mac, position, text);
        if (!mac.subarray(0, TAG_BYTES).equals(tags.subarray(index * TAG_BYTES, (index + 1) * TAG_BYTES)))
          return { entries, head, broken: { position, why: `the entry ${id}, or what was before it, has been changed` } };
        entries += 1;
      }
      if (isKept && !mac.equals(kept)) return { entries, head, broken: { position: end, why: "its code has been changed" } };
      before = kept;
      head = { position: end, mac: kept.toString("hex") };
    }
    const last = batches.at(-1);
    if (last === undefined) return { entries, head, broken: undefined };
    after = last.position;
  }
};
