import { createServer } from "node:http";
import { exportJWK, type GenerateKeyPairResult, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";

/** The name of the issuer in the tests, and of its audience. */
export const ISSUER = "https://login.example.org/";

/** A key of the issuer: it signs tokens, and `jwk` is what is published of it. */
export type SigningKey = GenerateKeyPairResult & { readonly kid: string; readonly jwk: JWK };

/** Makes a key of the issuer. */
export const createSigningKey = async (kid: string, alg = "ES256"): Promise<SigningKey> => {
  const pair = await generateKeyPair(alg, { extractable: true });
  return { ...pair, kid, jwk: { ...(await exportJWK(pair.publicKey)), kid, alg, use: "sig" } };
};

/** A change to a token that is good otherwise. */
export type TokenOptions = { readonly claims?: JWTPayload; readonly header?: Record<string, unknown>; readonly key?: SigningKey };

/** Signs a token for the caller `web`, which is valid for five minutes. */
export const sign = ({ kid, jwk, privateKey }: SigningKey, { claims = {}, header = {} }: TokenOptions = {}): Promise<string> => {
  const now = Math.floor(Date.now() / 1_000);
  const payload = { iss: ISSUER, aud: "userd", sub: "web", exp: now + 300, ...claims };
  return new SignJWT(payload).setProtectedHeader({ alg: String(jwk.alg), kid, ...header }).sign(privateKey);
};

/** A server of key sets; `answer` says what it sends, `undefined` = it never answers. */
export const startKeyServer = async () => {
  let answer: { readonly status?: number; readonly body: string } | undefined;
  let fetches = 0;
  const server = createServer((_, response) => {
    fetches += 1;
    if (answer !== undefined) response.writeHead(answer.status ?? 200).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}/jwks.json`,
    publish: (...keys: readonly SigningKey[]) => {
      answer = { body: JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }) };
    },
    send: (next: typeof answer) => {
      answer = next;
    },
    fetches: () => fetches,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
