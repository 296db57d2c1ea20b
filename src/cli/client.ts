import type { DescService } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { type ClientOptions, urlOf } from "./client-options.ts";

const bearer =
  (token: string): Interceptor =>
  (next) =>
  (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };

/** Makes an interceptor that explains an error without a detail, which is the transport's: no service answers at the address. */
const explainSilence =
  (address: string): Interceptor =>
  (next) =>
  async (request) => {
    try {
      return await next(request);
    } catch (error) {
      if (!(error instanceof ConnectError) || error.code !== Code.Unavailable || error.details.length > 0) throw error;
      const sentence = `No service answers at ${address} (${error.rawMessage}): start one with \`userd serve\`, or name another with --address.`;
      throw new ConnectError(sentence, error.code);
    }
  };

/** Makes a client of the service at an address; a call that takes longer than 10 s fails. */
export const connect = <S extends DescService>(service: S, { address, token }: ClientOptions): Client<S> =>
  createClient(
    service,
    createGrpcTransport({
      baseUrl: urlOf(address),
      defaultTimeoutMs: 10_000,
      interceptors: [explainSilence(address), ...(token === undefined ? [] : [bearer(token)])],
    }),
  );
