import type { DescService } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { type Command, InvalidArgumentError, Option } from "commander";

/** What every command that is a client of a running service takes. */
export type ClientOptions = { readonly address: string; readonly token?: string };

const urlOf = (address: string): string => (/^https?:\/\//.test(address) ? address : `http://${address}`);

const parseAddress = (address: string): string => {
  if (!URL.canParse(urlOf(address))) throw new InvalidArgumentError("It has to be host:port, for example 127.0.0.1:50051.");
  return address;
};

/** Adds the options of a client. */
export const withClientOptions = (command: Command): Command =>
  command
    .addOption(
      new Option("--address <host:port>", "gRPC address of the service")
        .env("USERD_ADDRESS")
        .default("127.0.0.1:50051")
        .argParser(parseAddress),
    )
    .addOption(new Option("--token <token>", "bearer token").env("USERD_TOKEN"));

const bearer =
  (token: string): Interceptor =>
  (next) =>
  (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };

/** An error without a detail is the transport's: nobody is there, which is what a person has to be told. */
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

/** A client of the service at the address; calls end after 10 s. */
export const connect = <S extends DescService>(service: S, { address, token }: ClientOptions): Client<S> =>
  createClient(
    service,
    createGrpcTransport({
      baseUrl: urlOf(address),
      defaultTimeoutMs: 10_000,
      interceptors: [explainSilence(address), ...(token === undefined ? [] : [bearer(token)])],
    }),
  );
