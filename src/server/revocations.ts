import { createHash } from "node:crypto";

/** The mark of a certificate by which lists of revoked ones name it: who has issued it, and under which number. */
export type Issued = string;

/** One element of DER (X.690): its tag, and the bytes of its content and of all of it. */
type Element = { readonly tag: number; readonly content: Buffer; readonly whole: Buffer };

const [INTEGER, SEQUENCE, UTC_TIME, GENERALIZED_TIME] = [0x02, 0x30, 0x17, 0x18];

/** Reads the elements in the content of another one. What OpenSSL has taken is well-formed; anything else throws. */
const elementsOf = (bytes: Buffer): Element[] => {
  const elements: Element[] = [];
  for (let at = 0; at < bytes.length; ) {
    const first = bytes.readUInt8(at + 1);
    const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
    const from = at + 2 + lengthBytes;
    const length = lengthBytes === 0 ? first : bytes.readUIntBE(at + 2, lengthBytes);
    if (from + length > bytes.length) throw new Error("holds no whole element");
    elements.push({ tag: bytes.readUInt8(at), content: bytes.subarray(from, from + length), whole: bytes.subarray(at, from + length) });
    at = from + length;
  }
  return elements;
};

/** The fields of what is signed: a certificate or a list is a sequence of it, an algorithm and the signature. */
const signedFields = (der: Buffer): Element[] => {
  const [outer] = elementsOf(der);
  const [signed] = elementsOf(outer?.content ?? Buffer.alloc(0));
  return elementsOf(signed?.content ?? Buffer.alloc(0));
};

const markOf = (issuer: Element | undefined, serial: Element | undefined): Issued =>
  `${createHash("sha256")
    .update(issuer?.whole ?? "")
    .digest("base64")} ${serial?.content.toString("hex")}`;

/** Returns the mark of a certificate in DER. */
export const issuedOf = (certificate: Buffer): Issued => {
  // The version, which stands first, has a tag of its own and may be left out; then come the number, the algorithm and the issuer.
  const fields = signedFields(certificate);
  const at = fields.findIndex(({ tag }) => tag === INTEGER);
  return markOf(fields[at + 2], fields[at]);
};

const pemBlock = /-----BEGIN X509 CRL-----([^-]+)-----END X509 CRL-----/g;

/** The lists of a file, as OpenSSL takes them, and the marks of all certificates in them. */
export type Revocations = { readonly lists: readonly string[]; readonly revoked: ReadonlySet<Issued> };

/** Reads the lists of revoked certificates of a PEM file. Throws when there is none, or one is broken. */
export const readRevocations = (bundle: string): Revocations => {
  const lists: string[] = [];
  const revoked = new Set<Issued>();
  for (const [list, base64 = ""] of bundle.matchAll(pemBlock)) {
    lists.push(list);
    // The version is the only number; behind algorithm and issuer stand one or two times, and then the list, if it is not empty.
    const fields = signedFields(Buffer.from(base64, "base64")).filter(({ tag }) => tag !== INTEGER);
    const entries = fields.slice(2).find(({ tag }) => tag !== UTC_TIME && tag !== GENERALIZED_TIME);
    if (entries?.tag !== SEQUENCE) continue;
    for (const { content } of elementsOf(entries.content)) revoked.add(markOf(fields[1], elementsOf(content)[0]));
  }
  if (lists.length === 0) throw new Error("has no list of revoked certificates (X509 CRL) in PEM");
  return { lists, revoked };
};
