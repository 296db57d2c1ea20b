import { AsnConvert } from "@peculiar/asn1-schema";
import { AlgorithmIdentifier, CertificateList, Name, RevokedCertificate, TBSCertList, Time } from "@peculiar/asn1-x509";
import { expect, test } from "vitest";
import { readRevocations } from "../../src/server/revocations.ts";

/** A list in PEM with some revoked certificates; without `nextUpdate` it does not say when the next one comes. */
const listOf = (length: number, next: { readonly nextUpdate?: Time } = { nextUpdate: new Time(new Date()) }): string => {
  const signature = new AlgorithmIdentifier({ algorithm: "1.2.840.10045.4.3.2" });
  const thisUpdate = new Time(new Date());
  const revokedCertificates = Array.from({ length }, (_, index) => {
    const userCertificate = Uint8Array.of(1, index >> 8, index & 255).buffer;
    return new RevokedCertificate({ userCertificate, revocationDate: thisUpdate });
  });
  const tbsCertList = new TBSCertList({ signature, issuer: new Name(), thisUpdate, revokedCertificates, ...next });
  const list = AsnConvert.serialize(
    new CertificateList({ tbsCertList, signatureAlgorithm: signature, signature: new Uint8Array(64).buffer }),
  );
  return `-----BEGIN X509 CRL-----\n${Buffer.from(list).toString("base64")}\n-----END X509 CRL-----\n`;
};

test("lists of thousands of certificates are read, and those without any", () => {
  const { lists, revoked } = readRevocations(listOf(5_000) + listOf(0));
  expect([lists.length, revoked.size]).toEqual([2, 5_000]);
});

test("a list that does not say when the next one comes is refused: its certificates would go unseen", () => {
  expect(() => readRevocations(listOf(1, {}))).toThrow(/nextUpdate/);
});
