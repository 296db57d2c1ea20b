import { connect, type Socket } from "node:net";
import type { ListenAddress } from "../../src/settings.ts";

/** The types of frames of HTTP/2 (RFC 9113, 6). */
export const frameType = { data: 0, headers: 1, priority: 2, reset: 3, settings: 4, ping: 6, windowUpdate: 8, continuation: 9 } as const;

/** The flags of frames; END_STREAM and ACK are the same bit. */
export const flag = { endStream: 1, ack: 1, endHeaders: 4 } as const;

/** Makes a frame of HTTP/2. */
export const frame = (type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
};

/** Writes a header field as a literal that nobody remembers (RFC 7541, 6.2.2). */
const field = (name: string, value: string): Buffer => {
  const text = (bytes: Buffer) => {
    if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
    const rest = bytes.length - 127;
    return Buffer.concat([Buffer.from([127, (rest & 127) | 128, rest >> 7]), bytes]);
  };
  return Buffer.concat([Buffer.from([0]), text(Buffer.from(name)), text(Buffer.from(value))]);
};

/** The header block of a call without credentials. */
export const headerBlock = (path: string, further: Readonly<Record<string, string>> = {}): Buffer =>
  Buffer.concat(
    Object.entries({
      ":method": "POST",
      ":scheme": "http",
      ":path": path,
      ":authority": "localhost",
      "content-type": "application/grpc",
      te: "trailers",
      ...further,
    }).map(([name, value]) => field(name, value)),
  );

/** The beginning of a connection: the preface, and empty SETTINGS. */
export const opening = Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(frameType.settings, 0, 0)]);

/** A socket that attacks. */
export type RawSocket = {
  readonly socket: Socket;
  /** Writes, and resolves when there is room for more; false = the connection is no more. */
  readonly write: (bytes: Uint8Array) => Promise<boolean>;
  readonly isOpen: () => boolean;
  readonly end: () => void;
};

/** Opens a socket; `from` is the address that it comes from, one of 127.0.0.0/8. It reads and forgets what it is sent unless `deaf`. */
export const openSocket = (address: ListenAddress, { from, deaf = false }: { from?: string; deaf?: boolean } = {}): Promise<RawSocket> =>
  new Promise((resolve) => {
    const socket = connect({ host: address.host, port: address.port, noDelay: true, ...(from !== undefined && { localAddress: from }) });
    let open = true;
    let wake = () => {};
    socket.on("error", () => {});
    socket.on("drain", () => wake());
    const raw: RawSocket = {
      socket,
      write: async (bytes) => {
        if (!open) return false;
        if (!socket.write(bytes)) await new Promise<void>((done) => (wake = done));
        return open;
      },
      isOpen: () => open,
      end: () => socket.destroy(),
    };
    socket.once("connect", () => resolve(raw));
    // The end of the server counts as well: nobody waits for more.
    for (const event of ["end", "close"] as const) {
      socket.on(event, () => {
        open = false;
        wake();
        resolve(raw);
      });
    }
    if (!deaf) socket.resume();
  });
