import type { Http2Session } from "node:http2";
import type { Socket } from "node:net";
import { type PeerCertificate, TLSSocket } from "node:tls";

/** A certificate that a client showed, and whose chain led to a certificate of TLS_CLIENT_CA in the handshake. */
export type ClientCertificate = {
  /** The subject alternative names, in the form in which Node writes them. */
  readonly subjectAltName: string;
  /** The time in which it is valid, in milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** The SHA-256 of the certificate, in hex. */
  readonly sha256: string;
  /** The SHA-256 of each certificate of its chain, its own first. */
  readonly chain: readonly string[];
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

const chainOf = (certificate: PeerCertificate): string[] => {
  const chain: string[] = [];
  for (let one: PeerCertificate | undefined = certificate; one?.fingerprint256 !== undefined; ) {
    const fingerprint = hex(one.fingerprint256);
    // A certificate that signed itself names itself as its issuer.
    if (chain.includes(fingerprint)) break;
    chain.push(fingerprint);
    one = (one as { issuerCertificate?: PeerCertificate }).issuerCertificate;
  }
  return chain;
};

const certificateOf = (socket: Socket): ClientCertificate | undefined => {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const certificate = socket.getPeerCertificate(true);
  if (certificate.fingerprint256 === undefined) return undefined;
  return {
    subjectAltName: certificate.subjectaltname ?? "",
    notBefore: Date.parse(certificate.valid_from),
    notAfter: Date.parse(certificate.valid_to),
    sha256: hex(certificate.fingerprint256),
    chain: chainOf(certificate),
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
