import { Code, ConnectError } from "@connectrpc/connect";
import { DomainError } from "../errors.ts";
import { tooLarge } from "./bodies.ts";
import type { InterceptorContext } from "./interceptors/interceptor.ts";
import { type StatusError, statusOf } from "./interceptors/status.ts";
import type { Rpc } from "./rpc.ts";

/** Converts a status to a ConnectError with the same code, message and details, and with the status's trailers as metadata. */
export const toConnectError = ({ code, message, details, trailers }: StatusError): ConnectError =>
  // The numbers of the codes are the same.
  new ConnectError(message, code as number as Code, trailers, [...details]);

/**
 * Overwrites the code, message, details and metadata of a ConnectError with those of a status. The error is changed in place, since connect is
 * about to send that very object.
 */
export const become = (error: ConnectError, status: StatusError): void => {
  const { code, rawMessage, message, details, metadata } = toConnectError(status);
  Object.assign(error, { code, rawMessage, message, details, metadata });
};

/** Messages of connect's INTERNAL errors that are faults of the request; the last: marked as compressed, without a compression. */
const malformed = /^(parse binary|decompression failed$|received compressed envelope)/;

/**
 * Translates an error that connect itself throws, such as one for a malformed message, into an error of userd; undefined = connect's error can
 * be sent as it is.
 */
export const codecFault = (error: ConnectError, { method, maxRequestBytes }: Rpc): Error | undefined => {
  const { code, rawMessage, cause } = error;
  // Of the reader of JSON, of bodies and of gzip, which connect calls.
  if (cause instanceof DomainError) return cause;
  if (rawMessage.includes("readMaxBytes")) return tooLarge(maxRequestBytes);
  if (code === Code.DeadlineExceeded) {
    return new DomainError("DeadlineExceeded", "DEADLINE_PASSED", "The request did not arrive before its deadline.");
  }
  if (code === Code.Canceled) return new DomainError("Cancelled", "CALL_CANCELLED", "The caller cancelled the call.");
  if (code === Code.InvalidArgument || malformed.test(rawMessage)) {
    return new DomainError("Invalid", "FIELD_INVALID", `The request is not a well-formed ${method.input.typeName}.`);
  }
  // What is left of INTERNAL is a response that can't be encoded: a fault of ours.
  return code === Code.Internal ? error : undefined;
};

/** Makes the error for a call of an RPC that does not exist. */
export const unknownRpc = ({ rephrase = (status) => status }: InterceptorContext): ConnectError =>
  toConnectError(rephrase(statusOf(new DomainError("Unimplemented", "METHOD_NOT_FOUND", "There is no such RPC."))));

/** Makes the error for a malformed request that is refused before it reaches an RPC; `sentence` says what is wrong. */
export const invalidRequest = (sentence: string): ConnectError =>
  toConnectError(statusOf(new DomainError("Invalid", "FIELD_INVALID", sentence)));
