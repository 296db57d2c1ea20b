import { X509Certificate } from "node:crypto";
import type { Http2Session } from "node:http2";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

/** A certificate that a client showed, and whose chain led to a certificate of TLS_CLIENT_CA in the handshake. */
export type ClientCertificate = {
  /** The subject alternative names, in the form in which Node writes them. */
  readonly subjectAltName: string;
  /** The time in which it is valid, in milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** The SHA-256 of the certificate, in hex. */
  readonly sha256: string;
  /** Each certificate of its chain, as far as each is signed by the next one, by its SHA-256 and in DER; its own is the first. */
  readonly chain: readonly { readonly sha256: string; readonly raw: Buffer }[];
};

/** The other end of a connection. */
export type Peer = {
  /** The address of the socket; empty when the connection has gone. */
  readonly address: string;
  /** The client's certificate; undefined = it showed none that counts. */
  readonly certificate: ClientCertificate | undefined;
};

/** A connection: the socket of HTTP/1.1, or the session of HTTP/2. */
export type Connection = Socket | Http2Session;

const hex = (fingerprint: string): string => fingerprint.replaceAll(":", "").toLowerCase();

/** A certificate as Node reads it from a connection, linked to the one of its issuer. */
type Linked = { readonly raw?: Buffer; readonly issuerCertificate?: Linked };

/**
 * Returns the certificates of a chain as far as each is signed with the key of the next one. Node links them by their names, and takes those
 * that the client has sent first.
 */
const signedChain = (linked: Linked): X509Certificate[] => {
  const chain: X509Certificate[] = [];
  for (let one: Linked | undefined = linked; one?.raw !== undefined; one = one.issuerCertificate) {
    const certificate = new X509Certificate(one.raw);
    const last = chain.at(-1);
    if (last !== undefined && (last.fingerprint256 === certificate.fingerprint256 || !last.verify(certificate.publicKey))) break;
    chain.push(certificate);
  }
  return chain;
};

const certificateOf = (socket: Socket): ClientCertificate | undefined => {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const chain = signedChain(socket.getPeerCertificate(true));
  const [own] = chain;
  if (own === undefined) return undefined;
  return {
    subjectAltName: own.subjectAltName ?? "",
    notBefore: own.validFromDate.getTime(),
    notAfter: own.validToDate.getTime(),
    sha256: hex(own.fingerprint256),
    chain: chain.map(({ fingerprint256, raw }) => ({ sha256: hex(fingerprint256), raw })),
  };
};

/** The peers of open connections: to ask the socket of a session costs a microsecond, and to read a certificate many. */
const peers = new WeakMap<Connection, Peer>();

const nobody: Peer = { address: "", certificate: undefined };

/** Returns the other end of a connection. Its address is empty when the connection has gone. */
export const peerOf = (connection: Connection | undefined): Peer => {
  // The socket of a session that has ended throws at each touch.
  if (connection === undefined || connection.destroyed) return nobody;
  const known = peers.get(connection);
  if (known !== undefined) return known;
  const socket = "socket" in connection ? connection.socket : connection;
  const address = socket.remoteAddress;
  if (address === undefined) return nobody;
  const peer = { address, certificate: certificateOf(socket) };
  peers.set(connection, peer);
  return peer;
};
