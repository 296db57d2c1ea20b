import { DomainError } from "../../errors.ts";

/** The reason why the caller of a call is not known. It is logged for the operator; the client is not told. */
class UnknownCaller extends Error {
  override readonly name = "UnknownCaller";
}

/** Makes the refusal of a call whose caller is not known, for a fault that completes "because". */
export const refusal = (fault: string): DomainError =>
  new DomainError(
    "Unauthenticated",
    "CREDENTIALS_REQUIRED",
    "The call needs a known token in the header: authorization: Bearer TOKEN; or a known client certificate.",
    { cause: Object.assign(new UnknownCaller(fault), { stack: undefined }) },
  );

/** The refusals that strangers can bring about at will. They are made once: a stranger's call must cost little. */
export const refusals = {
  nothingShown: refusal("neither a token nor a client certificate was shown"),
  unknownToken: refusal("the token is unknown"),
  unknownKey: refusal("the issuer has no key for the token"),
  unknownSubject: refusal("no caller has the subject of the token"),
  unknownCertificate: refusal("no caller has a name of the client certificate"),
  untrustedCertificate: refusal("the chain of the client certificate leads to no certificate of TLS_CLIENT_CA any more"),
  ambiguousCertificate: refusal("the names of the client certificate are those of several callers"),
  otherCertificate: refusal("the token is bound to another certificate"),
  tooEarly: refusal("the credential is not valid yet"),
  tooLate: refusal("the credential is not valid any more"),
  elsewhere: refusal("the call does not come from the networks of its caller"),
} as const;
