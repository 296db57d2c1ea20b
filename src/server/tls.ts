import { constants, createHash, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContextOptions, type Server, type TLSSocket, type TlsOptions } from "node:tls";
import type { Logger } from "pino";
import { type Config, ConfigError } from "../config.ts";
import type { ClientCertificate } from "./peers.ts";
import type { Issued, Revocations } from "./revocations.ts";
import { createFileWatch, type WatchedFile } from "./watched-files.ts";

/** The time in which a client has to complete its handshake, in milliseconds. */
const HANDSHAKE_MS = 5_000;

/** The settings of TLS: paths of PEM files, and whether a client has to show a certificate. */
export type TlsConfig = NonNullable<Config["tls"]>;

/** TLS for the ports. */
export type Tls = {
  /** Returns the options of a server that speaks these protocols, the preferred one first. */
  readonly optionsFor: (protocols: readonly string[]) => TlsOptions;
  /**
   * Gives new certificates to a server that was made with such options when the files change. `accept` gets the connections whose handshake
   * is complete, in place of the server's own listeners; others are ended, and so are those whose client certificate can't be trusted.
   */
  readonly secure: (server: Server, accept: (socket: TLSSocket) => void) => void;
  /** Tells whether one of the certificates of a chain is one of TLS_CLIENT_CA now, and none of them is revoked. */
  readonly isTrusted: (chain: ClientCertificate["chain"]) => boolean;
  /** Reads the files anew. Files that do not fit each other are logged and change nothing. */
  readonly reload: () => void;
  /** Ends the watch over the files. */
  readonly stop: () => void;
};

type Material = {
  readonly context: SecureContextOptions;
  /** The certificates of TLS_CLIENT_CA, by their SHA-256. */
  readonly trusted: ReadonlySet<string>;
  readonly revoked: ReadonlySet<Issued>;
};

const pemBlock = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The SHA-256 of each certificate of a bundle. Throws when there is none, or one is broken. */
const fingerprintsOf = (bundle: string): ReadonlySet<string> => {
  const blocks = bundle.match(pemBlock) ?? [];
  if (blocks.length === 0) throw new Error("has no certificate in PEM");
  return new Set(blocks.map((block) => createHash("sha256").update(new X509Certificate(block).raw).digest("hex")));
};

/** Does something with the files of some settings; an error becomes one sentence, which holds nothing of the files. */
const attempt = <T>(settings: string, read: () => T): T => {
  try {
    return read();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new ConfigError(`${settings} ${code === undefined ? message : `can't be used (${code})`}`);
  }
};

const settings = ["TLS_CERT", "TLS_KEY", "TLS_CLIENT_CA", "TLS_CRL"] as const;

/** The reader of lists of revoked certificates. */
type Reader = typeof import("./revocations.ts");

const NONE_REVOKED: Revocations = { lists: [], revoked: new Set() };

const load = (files: readonly WatchedFile[], reader: Reader | undefined): Material => {
  const [cert = "", key = "", ca, crl] = files.map((file, index) => attempt(settings[index] ?? "", file.read));
  const trusted = ca === undefined ? new Set<string>() : attempt("TLS_CLIENT_CA", () => fingerprintsOf(ca));
  const { lists, revoked } =
    crl === undefined || reader === undefined ? NONE_REVOKED : attempt("TLS_CRL", () => reader.readRevocations(crl));
  const context: SecureContextOptions = {
    cert,
    key,
    minVersion: "TLSv1.2",
    ...(ca !== undefined && { ca }),
    ...(lists.length > 0 && { crl: [...lists] }),
    // In TLS 1.2 a client could show another certificate later, in a new handshake that nobody looks at; and a session that is resumed brings
    // back a certificate without looking at it again.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | (ca === undefined ? 0 : constants.SSL_OP_NO_TICKET),
  };
  // Lists first: OpenSSL does not say what it could not use.
  if (lists.length > 0) attempt("TLS_CRL", () => createSecureContext({ crl: [...lists] }));
  attempt("TLS_CERT and TLS_KEY", () => createSecureContext(context));
  return { context, trusted, revoked };
};

/**
 * Reads the certificate, the key, and the certificates by which clients are trusted, without those that are revoked, and watches their files.
 * @throws ConfigError when the files can't be used.
 */
export const loadTls = async ({ cert, key, clientCa, crl, clientCertificates }: TlsConfig, log: Logger): Promise<Tls> => {
  // The parser of such lists takes its time to load, and few services have any.
  const reader = crl === undefined ? undefined : await import("./revocations.ts");
  const watch = createFileWatch([cert, key, clientCa, crl].filter((path) => path !== undefined));
  const servers: Server[] = [];
  let material = load(watch.files, reader);
  /** The marks of the certificates that were looked at: a chain stays the same as long as its connection. */
  const marks = new WeakMap<Buffer, Issued>();

  const reload = () => {
    try {
      material = load(watch.files, reader);
      for (const server of servers) server.setSecureContext(material.context);
      log.info("the files of TLS were read again");
    } catch (error) {
      log.error({ err: error }, "the files of TLS can't be used; those of before stay");
    }
  };
  watch.start(reload);

  const isRevoked = (certificate: Buffer): boolean => {
    if (reader === undefined || material.revoked.size === 0) return false;
    const known = marks.get(certificate);
    const mark = known ?? reader.issuedOf(certificate);
    if (known === undefined) marks.set(certificate, mark);
    return material.revoked.has(mark);
  };

  const mayStay = (socket: TLSSocket): boolean => {
    if (clientCa === undefined || socket.authorized) return true;
    const isWithout = socket.getPeerX509Certificate() === undefined;
    if (isWithout && clientCertificates === "optional") return true;
    log.debug({ fault: isWithout ? "no certificate" : socket.authorizationError }, "a client was refused after its handshake");
    return false;
  };

  return {
    optionsFor: (protocols) => ({
      ...material.context,
      ALPNProtocols: [...protocols],
      handshakeTimeout: HANDSHAKE_MS,
      requestCert: clientCa !== undefined,
      // `mayStay` decides: Node would refuse clients without a certificate, too.
      rejectUnauthorized: false,
    }),
    secure: (server, accept) => {
      servers.push(server);
      server.removeAllListeners("tlsClientError").on("tlsClientError", (_, socket) => socket.destroy());
      server.removeAllListeners("secureConnection").on("secureConnection", (socket) => {
        socket.on("error", () => socket.destroy());
        if (mayStay(socket)) accept(socket);
        else socket.destroy();
      });
    },
    isTrusted: (chain) => chain.some(({ sha256 }) => material.trusted.has(sha256)) && !chain.some(({ raw }) => isRevoked(raw)),
    reload,
    stop: watch.stop,
  };
};
