/** The values of parameters, or of columns, as PostgreSQL reads and writes them. */
export type Texts = readonly (string | null)[];

/** The members of pg's connection that its types lack. */
export type Wire = {
  readonly stream: { readonly cork: () => void; readonly uncork: () => void };
  readonly parsedStatements: Readonly<Record<string, string>>;
  readonly submittedNamedStatements: Record<string, string>;
  readonly parse: (statement: { readonly name: string; readonly text: string }) => void;
  readonly bind: (portal: { readonly statement: string; readonly values: readonly unknown[] }) => void;
  readonly describe: (portal: { readonly type: "P"; readonly name: "" }) => void;
  readonly execute: (portal: null) => void;
  readonly flush: () => void;
  readonly sync: () => void;
  readonly query: (text: string) => void;
  readonly sendCopyFail: (message: string) => void;
};

/** A statement to run, the name that it is prepared by on each connection, and the values of its parameters. Without a name it is prepared each time. */
export type Prepared<V> = { readonly name: string; readonly text: string; readonly values: readonly V[] };

/** Binds the parameters of a statement, which is parsed before if the connection does not know its name. */
export const bindStatement = <V>(connection: Wire, { name, text, values }: Prepared<V>): void => {
  const { parsedStatements, submittedNamedStatements } = connection;
  if (name === "" || (parsedStatements[name] ?? submittedNamedStatements[name]) === undefined) {
    connection.parse({ name, text });
    if (name !== "") submittedNamedStatements[name] = text;
  }
  connection.bind({ statement: name, values });
};
