import http2 from "node:http2";

/** What came back on one stream of HTTP/2. */
export type Heard = {
  readonly headers: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader;
  readonly trailers: http2.IncomingHttpHeaders;
  readonly body: Buffer;
  /** Whether the headers ended the stream: what gRPC calls trailers-only. */
  readonly headersAlone: boolean;
  readonly error: string | undefined;
  /** The code that the stream ended with; 0 = no error. */
  readonly code: number | undefined;
};

/** What to send: chunks in turn, and the end of the stream if it is to have one. */
export type Sent = { readonly headers: http2.OutgoingHttpHeaders; readonly chunks?: readonly Uint8Array[]; readonly end?: boolean };

/** A message as gRPC frames it. */
export const framed = (message: Uint8Array, flags = 0): Buffer => {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
};

/** Sends one stream over a connection, without a client of any protocol in between; resolves when the stream has closed. */
export const exchangeOver = (session: http2.ClientHttp2Session, { headers, chunks = [], end = true }: Sent): Promise<Heard> =>
  new Promise((resolve, reject) => {
    session.once("error", reject);
    const stream = session.request({ ":method": "POST", ...headers }, { endStream: chunks.length === 0 && end });
    const body: Buffer[] = [];
    const heard: { -readonly [Key in keyof Heard]?: Heard[Key] } = {};
    stream.on("response", (received, flags) => {
      heard.headers = received;
      heard.headersAlone = (flags & http2.constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    });
    stream.on("trailers", (received) => (heard.trailers = received));
    stream.on("data", (chunk: Buffer) => body.push(chunk));
    stream.on("error", (error) => (heard.error = error.message));
    stream.on("close", () => {
      session.off("error", reject);
      const nothing = { headers: {}, trailers: {}, headersAlone: false, error: undefined };
      resolve({ ...nothing, ...heard, body: Buffer.concat(body), code: stream.rstCode });
    });
    for (const chunk of chunks) stream.write(chunk);
    if (end) stream.end();
  });

/** Sends one stream over a connection of its own; resolves when it has closed. */
export const exchangeHttp2 = async (url: string, sent: Sent): Promise<Heard> => {
  const session = http2.connect(url);
  try {
    return await exchangeOver(session, sent);
  } finally {
    // One that breaks behind the stream is nobody's concern.
    session.on("error", () => {}).destroy();
  }
};
