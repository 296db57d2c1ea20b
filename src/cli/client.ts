import { readFileSync } from "node:fs";
import type { SecureClientSessionOptions } from "node:http2";
import type { DescService } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { openConnection } from "../client/connection.ts";
import { type ClientOptions, urlOf } from "./client-options.ts";
import { CommandError, ExitCode } from "./exit.ts";

/** Makes an interceptor that sends the reason of a change. A header has one character per byte of it. */
const giveReason =
  (reason: string): Interceptor =>
  (next) =>
  (request) => {
    request.header.set("x-change-reason", Buffer.from(reason).toString("latin1"));
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
      if (!(error instanceof ConnectError) || error.details.length > 0) throw error;
      // By a stream that ended, or by a reset of the connection, whichever is read first.
      if (error.code === Code.Canceled || error.code === Code.Aborted) {
        const sentence = `The service at ${address} has cut the connection: if it speaks TLS, name its CA with --ca; if it wants a certificate, one with --cert.`;
        throw new ConnectError(sentence, Code.Unavailable);
      }
      if (error.code !== Code.Unavailable) throw error;
      const sentence = `No service answers at ${address} (${error.rawMessage}): start one with \`userd serve\`, or name another with --address.`;
      throw new ConnectError(sentence, error.code);
    }
  };

/** Returns the text of a file that an option names. */
const read = (option: string, path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new CommandError(`${option} ${path} can't be read (${(error as NodeJS.ErrnoException).code}).`, ExitCode.USAGE);
  }
};

/** Reads the files of TLS that the options name. */
const tlsOf = (options: ClientOptions): SecureClientSessionOptions => {
  if ((options.cert === undefined) !== (options.key === undefined)) {
    throw new CommandError("--cert and --key are given together, or neither.", ExitCode.USAGE);
  }
  const named = (["ca", "cert", "key"] as const).flatMap((name) => {
    const path = options[name];
    return path === undefined ? [] : [[name, read(`--${name}`, path)]];
  });
  if (named.length > 0 && !urlOf(options).startsWith("https://")) {
    throw new CommandError("--ca, --cert and --key are for an address with https://, or without a scheme.", ExitCode.USAGE);
  }
  return Object.fromEntries(named);
};

const tokenOf = ({ token, tokenFile }: ClientOptions): string | undefined =>
  tokenFile === undefined ? token : read("--token-file", tokenFile).trim();

/** The deadlines of commands, in milliseconds: at a terminal a slow answer is worth more than a quick failure. */
const deadlines = { readMs: 10_000, writeMs: 10_000, batchMs: 30_000 };

/** Makes a client of the service at an address: that of `@userd/client`, with its retries. A call that takes longer than 10 s fails. */
export const connect = <S extends DescService>(service: S, options: ClientOptions): Client<S> => {
  const { address, reason = "" } = options;
  const connection = openConnection({
    address: urlOf(options),
    token: tokenOf(options),
    tls: tlsOf(options),
    deadlines,
    interceptors: [explainSilence(address), ...(reason === "" ? [] : [giveReason(reason)])],
  });
  return connection.client(service);
};
