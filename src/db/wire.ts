/** The values of parameters, or of columns, as PostgreSQL reads and writes them. */
export type Texts = readonly (string | null)[];

/** The members of pg's connection that its types lack. */
export type Wire = {
  readonly stream: { readonly cork: () => void; readonly uncork: () => void; readonly pause: () => void; readonly resume: () => void };
  readonly parsedStatements: Record<string, string>;
  readonly submittedNamedStatements: Record<string, string>;
  readonly parse: (statement: { readonly name: string; readonly text: string }) => void;
  readonly bind: (portal: { readonly statement: string; readonly values: readonly unknown[] }) => void;
  readonly close: (statement: { readonly type: "S"; readonly name: string }) => void;
  readonly describe: (portal: { readonly type: "P"; readonly name: "" }) => void;
  readonly execute: (portal: null) => void;
  readonly flush: () => void;
  readonly sync: () => void;
  readonly query: (text: string) => void;
  readonly sendCopyFail: (message: string) => void;
};

/** A statement to run, the name that it is prepared by on each connection, and the values of its parameters. Without a name it is prepared each time. */
export type Prepared<V> = { readonly name: string; readonly text: string; readonly values: readonly V[] };

/**
 * Binds the parameters of a statement, which is parsed before if the connection does not know its name, or knows another text by it.
 * @returns whether it was parsed.
 */
export const bindStatement = <V>(connection: Wire, { name, text, values }: Prepared<V>): boolean => {
  const { parsedStatements, submittedNamedStatements } = connection;
  const known = name === "" ? undefined : (parsedStatements[name] ?? submittedNamedStatements[name]);
  if (known !== text) {
    if (known !== undefined) {
      connection.close({ type: "S", name });
      delete parsedStatements[name];
    }
    connection.parse({ name, text });
    if (name !== "") submittedNamedStatements[name] = text;
  }
  connection.bind({ statement: name, values });
  return known !== text;
};
