import { createHash } from "node:crypto";
import { AsnConvert } from "@peculiar/asn1-schema";
import { Certificate, CertificateList, type Name } from "@peculiar/asn1-x509";

/** The mark of a certificate by which lists of revoked ones name it: who has issued it, and under which number. */
export type Issued = string;

const digestOf = (issuer: Name): string =>
  createHash("sha256")
    .update(Buffer.from(AsnConvert.serialize(issuer)))
    .digest("base64");

const markOf = (issuer: string, serial: ArrayBuffer): Issued => `${issuer} ${Buffer.from(serial).toString("hex")}`;

/** Returns the mark of a certificate in DER. */
export const issuedOf = (certificate: Buffer): Issued => {
  const { issuer, serialNumber } = AsnConvert.parse(certificate, Certificate).tbsCertificate;
  return markOf(digestOf(issuer), serialNumber);
};

const pemBlock = /-----BEGIN X509 CRL-----([^-]+)-----END X509 CRL-----/g;

/** A list has several nodes for each certificate, and comes from the operator: the library's limit of 10,000 is for strangers' data. */
const berOptions = { maxNodes: Infinity, maxContentLength: Infinity };

/** The lists of a file, as OpenSSL takes them, and the marks of all certificates in them. */
export type Revocations = { readonly lists: readonly string[]; readonly revoked: ReadonlySet<Issued> };

/** Reads the lists of revoked certificates of a PEM file. Throws when there is none, or one is broken. */
export const readRevocations = (bundle: string): Revocations => {
  const lists: string[] = [];
  const revoked = new Set<Issued>();
  for (const [list, base64 = ""] of bundle.matchAll(pemBlock)) {
    lists.push(list);
    const { tbsCertList } = AsnConvert.parse(Buffer.from(base64, "base64"), CertificateList, { berOptions });
    const { issuer, nextUpdate, revokedCertificates = [] } = tbsCertList;
    // RFC 5280 demands it, and the library passes over the certificates of a list without it.
    if (nextUpdate === undefined) throw new Error("has a list that does not say when the next one comes (nextUpdate)");
    const digest = digestOf(issuer);
    for (const { userCertificate } of revokedCertificates) revoked.add(markOf(digest, userCertificate));
  }
  if (lists.length === 0) throw new Error("has no list of revoked certificates (X509 CRL) in PEM");
  return { lists, revoked };
};
