import { create, type DescMethod, type MessageInitShape, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { MAX_RESPONSE_BYTES } from "../call.ts";
import { keepEncoded } from "../encoded.ts";
import { exhausted } from "../errors.ts";

/** The most bytes that the consistency token takes, which is not known yet. */
const TOKEN_BYTES = 8 * 1024;

/** The part of a `WritePlan` that says which RPC the write answers, and what to remove from an answer that is too large. */
export type Answering<M extends DescMethod> = {
  /** The RPC; its response has a `consistency_token`. */
  readonly method: M;
  /** Removes from an answer that would be too large the parts that the caller itself has sent. */
  readonly abridge?: (answer: MessageShape<M["output"]>) => void;
};

/** The answer of a write, as a message and as encoded bytes, with or without the consistency token. */
export type Measured<M extends DescMethod> = { readonly message: MessageShape<M["output"]>; readonly bytes: Uint8Array };

/** Encodes a write's answer before the commit. Throws RESPONSE_TOO_LARGE if the answer can't be sent, so that nothing is stored. */
export const sendable = <M extends DescMethod>({ method, abridge }: Answering<M>, answer: MessageInitShape<M["output"]>): Measured<M> => {
  const message = create<M["output"]>(method.output, answer);
  const encode = () => toBinary<M["output"]>(method.output, message);
  const fits = ({ byteLength }: Uint8Array) => byteLength <= MAX_RESPONSE_BYTES - TOKEN_BYTES;
  let bytes = encode();
  if (!fits(bytes) && abridge !== undefined) {
    abridge(message);
    bytes = encode();
  }
  if (fits(bytes)) return { message, bytes };
  throw exhausted(
    "RESPONSE_TOO_LARGE",
    `The answer would be larger than ${MAX_RESPONSE_BYTES} bytes, so nothing was stored: send less at once.`,
  );
};

/**
 * Adds the consistency token to a write's answer: to the message, and at the end of the encoded bytes, since protobuf fields may come in any
 * order.
 */
export const withToken = <M extends DescMethod>(
  { method }: Answering<M>,
  { message, bytes }: Measured<M>,
  consistencyToken: string,
): Measured<M> => {
  const token = toBinary(method.output, create(method.output, { consistencyToken } as MessageInitShape<DescMethod["output"]>));
  const answered = { message: Object.assign(message, { consistencyToken }), bytes: Buffer.concat([bytes, token]) };
  keepEncoded(answered.message, answered.bytes);
  return answered;
};
