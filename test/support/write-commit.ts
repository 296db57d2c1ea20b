/** Tells whether a client's bytes have a COMMIT by itself: a new connection says "read committed", which is none. */
export const isCommit = (chunk: Buffer): boolean => /Q.{4}commit;?\0/is.test(chunk.toString("latin1"));

/**
 * Tells whether a client's bytes end with the COMMIT of a write that has a request_id: it goes behind the statement that stores the answer under
 * the name of the RPC. A pass of the sequencer commits too, and a new connection says "read committed".
 */
export const isCommitOfWrite = (chunk: Buffer): boolean => /userd\.v1\.\w+\/\w+.*Q.{4}commit;?\0$/is.test(chunk.toString("latin1"));

/** Tells whether a client's bytes are the Sync by itself that commits a write of one statement, which has no request_id. */
export const isCommitOfStatement = (chunk: Buffer): boolean => chunk.length === 5 && chunk[0] === 0x53;
