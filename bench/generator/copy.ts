import { once } from "node:events";
import type { Client, Connection } from "pg";

/** A value of a row in COPY's text format. */
export type CopyValue = string | number | boolean | Date | null;

const escaped: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

const cell = (value: CopyValue): string => {
  if (value === null) return "\\N";
  if (typeof value === "boolean") return value ? "t" : "f";
  if (value instanceof Date) return value.toISOString();
  return typeof value === "number" ? String(value) : value.replace(/[\\\n\r\t]/g, (character) => escaped[character] ?? "");
};

/** What pg hands to a query that it does not know: see its own Query. */
type CopyConnection = Connection & { readonly stream: NodeJS.WritableStream; sendCopyFromChunk(chunk: Buffer): void; endCopyFrom(): void };

const CHUNK = 256 * 1024;

const send = async (connection: CopyConnection, rows: Iterable<readonly CopyValue[]>): Promise<void> => {
  let chunk = "";
  const flush = async () => {
    connection.sendCopyFromChunk(Buffer.from(chunk));
    chunk = "";
    if ((connection.stream as unknown as { writableNeedDrain: boolean }).writableNeedDrain) await once(connection.stream, "drain");
  };
  for (const row of rows) {
    chunk += `${row.map(cell).join("\t")}\n`;
    if (chunk.length > CHUNK) await flush();
  }
  await flush();
  connection.endCopyFrom();
};

/** COPY … FROM STDIN: rows as fast as the server takes them. */
export const copyInto = (client: Client, table: string, columns: readonly string[], rows: Iterable<readonly CopyValue[]>): Promise<void> =>
  new Promise((resolve, reject) => {
    const query = {
      submit: (connection: Connection) => {
        connection.query(`copy ${table} (${columns.join(", ")}) from stdin`);
      },
      handleCopyInResponse: (connection: CopyConnection) => void send(connection, rows).catch(reject),
      handleCommandComplete: () => {},
      handleRowDescription: () => {},
      handleDataRow: () => {},
      handleReadyForQuery: () => resolve(),
      handleError: reject,
    };
    client.query(query as never);
  });
