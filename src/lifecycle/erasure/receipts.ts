import { createHmac, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ErasureReceiptSchema } from "../../gen/userd/v1/user_erasure_pb.ts";
import { subKey } from "../../secrets/secrets.ts";

/** The kinds of what can be erased with a receipt. */
export const erasedKinds = ["user", "organization", "project", "team", "account"] as const;

/** A kind of what can be erased with a receipt. */
export type ErasedKind = (typeof erasedKinds)[number];

/** Something that is erased, or was. */
export type Erased = { readonly kind: ErasedKind; readonly id: bigint };

/** What an erasure removes, by table. */
export type ErasedRows = {
  /** The rows that are removed or cleared. */
  readonly tables: Readonly<Record<string, number>>;
  /** The tables of which so many rows go that they are hidden at once, and removed later. */
  readonly later: readonly string[];
};

/** A signed statement that something was erased. */
export type Receipt = { readonly statement: string; readonly signature: Uint8Array; readonly publicKey: Uint8Array };

/** Makes the message of a receipt. */
export const toReceipt = ({ statement, signature, publicKey }: Receipt): MessageInitShape<typeof ErasureReceiptSchema> => ({
  statement,
  signature: Uint8Array.from(signature),
  publicKey: Uint8Array.from(publicKey),
});

/** The content of a statement, which is JSON. */
export type Statement = {
  readonly format: typeof FORMAT;
  /** What was erased; receipts of the first version do not say it, and are of users. */
  readonly kind?: ErasedKind;
  /** The digest of the kind and the id. */
  readonly subject: string;
  readonly eraseTime: string;
  /** The version of the rules by which rows are erased (tables.ts). */
  readonly policyVersion: number;
  /** The rows that were removed or cleared, by table. */
  readonly tables: Readonly<Record<string, number>>;
  /** The tables whose rows were hidden at once, and are removed later; absent = none. */
  readonly later?: readonly string[];
};

/** The functions that sign receipts, and name in them what was erased. */
export type Receipts = {
  /** The digest of the id of a user or of something else. Only who has the key can tell whose it is, and that only by trying ids. */
  readonly subjectOf: (erased: Erased) => string;
  readonly receiptOf: (erased: Erased, eraseTime: Date, rows: ErasedRows) => Receipt;
  readonly publicKey: Uint8Array;
};

const FORMAT = "userd erasure receipt 1";
/** Version 2 erases answers that are kept for repeated requests, too. */
const POLICY_VERSION = 2;

/** What stands before the 32 bytes of a private and a public key of Ed25519 in DER. */
const PRIVATE_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");
const PUBLIC_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

const rawPublicKey = (key: KeyObject): Buffer =>
  createPublicKey(key).export({ format: "der", type: "spki" }).subarray(PUBLIC_PREFIX.length);

/**
 * Makes the functions for receipts.
 * @param erasureKey the 32 bytes of the private key; undefined = a key that is derived from `secretKey`.
 */
export const createReceipts = (secretKey: Uint8Array, erasureKey: Uint8Array | undefined): Receipts => {
  const seed = erasureKey === undefined ? subKey(secretKey, "erasure-receipt").export() : Buffer.from(erasureKey);
  const key = createPrivateKey({ key: Buffer.concat([PRIVATE_PREFIX, seed]), format: "der", type: "pkcs8" });
  const publicKey = rawPublicKey(key);
  const subjectKey = subKey(erasureKey ?? secretKey, "erasure-subject");
  const subjectOf = ({ kind, id }: Erased) => createHmac("sha256", subjectKey).update(`${kind}/${id}`).digest("hex");
  return {
    subjectOf,
    publicKey,
    receiptOf: (erased, eraseTime, { tables, later }) => {
      const content: Statement = {
        format: FORMAT,
        kind: erased.kind,
        subject: subjectOf(erased),
        eraseTime: eraseTime.toISOString(),
        policyVersion: POLICY_VERSION,
        tables,
        ...(later.length > 0 && { later }),
      };
      const statement = JSON.stringify(content);
      return { statement, signature: sign(null, Buffer.from(statement), key), publicKey };
    },
  };
};

/** Returns what a statement is about. */
export const kindOfStatement = ({ kind = "user" }: Pick<Statement, "kind">): ErasedKind => kind;

/** Returns the content of a receipt that was signed with a key; undefined = it was not, or was changed since. */
export const verifiedStatement = ({ statement, signature }: Omit<Receipt, "publicKey">, publicKey: Uint8Array): Statement | undefined => {
  if (publicKey.length !== 32) return undefined;
  const key = createPublicKey({ key: Buffer.concat([PUBLIC_PREFIX, publicKey]), format: "der", type: "spki" });
  if (!verify(null, Buffer.from(statement), key, signature)) return undefined;
  const content = JSON.parse(statement) as Statement;
  return content.format === FORMAT ? content : undefined;
};
