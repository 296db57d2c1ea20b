import { type Command, InvalidArgumentError, Option } from "commander";

/** The options of every command that is a client of a running service. */
export type ClientOptions = { readonly address: string; readonly token?: string };

/** Returns the URL of an address: `http://` is put before one without a scheme. */
export const urlOf = (address: string): string => (/^https?:\/\//.test(address) ? address : `http://${address}`);

const parseAddress = (address: string): string => {
  if (!URL.canParse(urlOf(address))) throw new InvalidArgumentError("It has to be host:port, for example 127.0.0.1:50051.");
  return address;
};

/** Adds --address and --token, the options of a client of a running service, to a command, and returns the command. */
export const withClientOptions = (command: Command): Command =>
  command
    .addOption(
      new Option("--address <host:port>", "gRPC address of the service")
        .env("USERD_ADDRESS")
        .default("127.0.0.1:50051")
        .argParser(parseAddress),
    )
    .addOption(new Option("--token <token>", "bearer token").env("USERD_TOKEN"));

/** The name and description of the argument that says which user a command is about. */
export const userArgument = ["<user>", "id, username or address"] as const;
