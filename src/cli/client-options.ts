import { type Command, InvalidArgumentError, Option } from "commander";

/** The options of every command that is a client of a running service. */
export type ClientOptions = {
  readonly address: string;
  readonly token?: string;
  readonly tokenFile?: string;
  /** The reason of a change, which audit entries have. */
  readonly reason?: string;
  /** The paths of PEM files for TLS. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
};

/** Returns the URL of an address: one without a scheme gets `https://` if a file for TLS is named, else `http://`. */
export const urlOf = ({ address, ca, cert }: Pick<ClientOptions, "address" | "ca" | "cert">): string => {
  if (/^https?:\/\//.test(address)) return address;
  return `${ca === undefined && cert === undefined ? "http" : "https"}://${address}`;
};

const parseAddress = (address: string): string => {
  if (!URL.canParse(urlOf({ address }))) throw new InvalidArgumentError("It has to be host:port, for example 127.0.0.1:50051.");
  return address;
};

/** Adds --address, --token, --reason and those of TLS, the options of a client of a running service, to a command, and returns the command. */
export const withClientOptions = (command: Command): Command =>
  command
    .addOption(
      new Option("--address <host:port>", "gRPC address of the service")
        .env("USERD_ADDRESS")
        .default("127.0.0.1:50051")
        .argParser(parseAddress),
    )
    .addOption(new Option("--token <token>", "bearer token; other users of the machine can see it here").env("USERD_TOKEN"))
    .addOption(new Option("--token-file <file>", "file with the bearer token").env("USERD_TOKEN_FILE").conflicts("token"))
    .addOption(new Option("--reason <text>", "reason of a change, for the audit trail; up to 256 characters").env("USERD_REASON"))
    .addOption(new Option("--ca <file>", "PEM file: call over TLS, and trust the service by these certificates").env("USERD_CA"))
    .addOption(new Option("--cert <file>", "PEM file: call over TLS, and show this certificate (with --key)").env("USERD_CERT"))
    .addOption(new Option("--key <file>", "PEM file: the key of the certificate of --cert").env("USERD_KEY"));

/** The name and description of the argument that says which user a command is about. */
export const userArgument = ["<user>", "id, username or address"] as const;
