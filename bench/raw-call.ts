import { Client, credentials } from "@grpc/grpc-js";

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/**
 * One call, bytes in and bytes out; with `ca`, certificates in PEM, over TLS.
 * @throws Error with the status when it is not OK.
 */
export const rawCall = async (address: string, path: string, request: Uint8Array, ca?: string): Promise<Buffer> => {
  const channel = ca === undefined ? credentials.createInsecure() : credentials.createSsl(Buffer.from(ca));
  const client = new Client(address, channel, { "grpc.max_receive_message_length": -1 });
  try {
    return await new Promise<Buffer>((resolve, reject) => {
      client.makeUnaryRequest(
        path,
        asBuffer,
        (bytes: Buffer) => bytes,
        request,
        (error, response) => (response === undefined ? reject(error ?? new Error(`${path} answered nothing`)) : resolve(response)),
      );
    });
  } finally {
    client.close();
  }
};
