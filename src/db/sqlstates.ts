/** What the code of a database error says of the database's state. A code that says nothing of it is a fault of userd. */
export type DatabaseState = "unreachable" | "exhausted" | "read-only" | "contention" | "deadline" | "damaged";

/** The states by class of SQLSTATE (two characters) and by code, which wins. PostgreSQL's appendix A has the list of all. */
const states: Readonly<Record<DatabaseState, readonly string[]>> = {
  /** A server that went away, is starting, stopping or full, takes nobody of this name, or answers what no server does. */
  unreachable: [
    "08", // connection_exception
    "25P03", // idle_in_transaction_session_timeout
    "25P04", // transaction_timeout
    "28", // invalid_authorization_specification: the password has changed
    "3D", // invalid_catalog_name: the database was dropped
    "40003", // statement_completion_unknown
    "53300", // too_many_connections
    "55006", // object_in_use: the database is copied
    "57", // operator_intervention
    "58", // system_error: the server can't read its disk
    "F0", // config_file_error: another server has the lock
  ],
  exhausted: [
    "53", // insufficient_resources: disk, memory
    "54000", // program_limit_exceeded: the server stopped before its transaction ids wrap around
  ],
  "read-only": ["25006"], // read_only_sql_transaction: a standby, or a server that was set so
  /** A write that lost against another one; the whole transaction may run again. */
  contention: [
    "40001", // serialization_failure
    "40P01", // deadlock_detected
    "55P03", // lock_not_available
    "72", // snapshot_too_old
  ],
  /** A statement that ran into its time limit, which write() sets to the rest of the call's deadline. */
  deadline: ["57014"],
  damaged: [
    "XX001", // data_corrupted
    "XX002", // index_corrupted
  ],
};

/** The codes of Node and of TLS for a server that can't be reached, or whose certificate can't be trusted now. */
const network = [
  ...["ECONNREFUSED", "ECONNRESET", "ECONNABORTED", "EPIPE", "ENOENT", "ENOTFOUND", "EAI_AGAIN", "EAI_FAIL", "EAI_NODATA", "ETIMEDOUT"],
  ...["ENOTCONN", "EHOSTUNREACH", "EHOSTDOWN", "ENETUNREACH", "ENETDOWN", "ENETRESET", "EADDRNOTAVAIL", "EADDRINUSE", "EAI_MEMORY"],
  ...["EACCES", "EPERM", "EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EPROTO", "EIO"],
  ...["ERR_SOCKET_CLOSED", "ERR_SOCKET_CONNECTION_TIMEOUT", "ERR_STREAM_DESTROYED", "ERR_STREAM_WRITE_AFTER_END"],
];
const certificate = /^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|SELF_SIGNED_CERT|DEPTH_ZERO_SELF_SIGNED_CERT|INVALID_CA|HOSTNAME_MISMATCH)/;

const byCode = new Map<string, DatabaseState>(
  Object.entries(states).flatMap(([state, codes]) => codes.map((code) => [code, state as DatabaseState] as const)),
);
for (const code of network) byCode.set(code, "unreachable");

const sqlState = /^[0-9A-Z]{5}$/;

/** Returns the state that the code of a driver's error names; undefined for a code that says nothing of the database's state. */
export const stateOf = (code: string): DatabaseState | undefined =>
  byCode.get(code) ??
  (sqlState.test(code) ? byCode.get(code.slice(0, 2)) : undefined) ??
  (certificate.test(code) ? "unreachable" : undefined);
