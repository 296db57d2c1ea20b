import { createHmac, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ErasureReceiptSchema } from "../../gen/userd/v1/user_erasure_pb.ts";
import { subKey } from "../../secrets/secrets.ts";

/** A signed statement that a user was erased. */
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
  /** The digest of the user's id. */
  readonly subject: string;
  readonly eraseTime: string;
  /** The version of the rules by which rows are erased (tables.ts). */
  readonly policyVersion: number;
  /** The rows that were removed or cleared, by table. */
  readonly tables: Readonly<Record<string, number>>;
};

/** The functions that sign receipts, and name users in them. */
export type Receipts = {
  /** The digest of the id of a user. Only who has the key can tell whose it is, and that only by trying ids. */
  readonly subjectOf: (userId: bigint) => string;
  readonly receiptOf: (userId: bigint, eraseTime: Date, tables: Readonly<Record<string, number>>) => Receipt;
  readonly publicKey: Uint8Array;
};

const FORMAT = "userd erasure receipt 1";
const POLICY_VERSION = 1;

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
  const subjectOf = (userId: bigint) => createHmac("sha256", subjectKey).update(`user/${userId}`).digest("hex");
  return {
    subjectOf,
    publicKey,
    receiptOf: (userId, eraseTime, tables) => {
      const content: Statement = {
        format: FORMAT,
        subject: subjectOf(userId),
        eraseTime: eraseTime.toISOString(),
        policyVersion: POLICY_VERSION,
        tables,
      };
      const statement = JSON.stringify(content);
      return { statement, signature: sign(null, Buffer.from(statement), key), publicKey };
    },
  };
};

/** Returns the content of a receipt that was signed with a key; undefined = it was not, or was changed since. */
export const verifiedStatement = ({ statement, signature }: Omit<Receipt, "publicKey">, publicKey: Uint8Array): Statement | undefined => {
  if (publicKey.length !== 32) return undefined;
  const key = createPublicKey({ key: Buffer.concat([PUBLIC_PREFIX, publicKey]), format: "der", type: "spki" });
  if (!verify(null, Buffer.from(statement), key, signature)) return undefined;
  const content = JSON.parse(statement) as Statement;
  return content.format === FORMAT ? content : undefined;
};
