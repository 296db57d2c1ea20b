import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runOk } from "../foreign/tools.ts";

/** The files of a certificate and its key, in PEM. */
export type KeyPair = { readonly cert: string; readonly key: string };

/** What a certificate says, where it is not that of a server here for two days. */
export type CertificateOptions = {
  /** Subject alternative names, as openssl writes them; the last lines of its file of extensions. */
  readonly names?: string;
  readonly usage?: "serverAuth" | "clientAuth";
  /** How long it is valid from now; a number below 0 = it has expired. */
  readonly days?: number;
};

/** An authority for tests: its certificate, and the functions that issue others and revoke them. */
export type Authority = {
  readonly ca: string;
  readonly issue: (name: string, options?: CertificateOptions) => Promise<KeyPair>;
  /** Revokes certificates besides those of before, and writes the list of all to the returned path. */
  readonly revoke: (...pairs: readonly KeyPair[]) => Promise<string>;
};

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** Makes an authority whose files stand in a folder, by openssl; `subject` is its own name. */
export const createAuthority = async (folder: string, name = "ca", subject = name): Promise<Authority> => {
  const at = (file: string) => join(folder, file);
  const [ca, caKey] = [at(`${name}.pem`), at(`${name}.key`)];
  await runOk("openssl", ["req", "-x509", ...newKey, "-subj", `/CN=${subject}`, "-days", "2", "-keyout", caKey, "-out", ca]);
  return {
    ca,
    issue: async (leaf, { names = "DNS:localhost,IP:127.0.0.1", usage = "serverAuth", days = 2 } = {}) => {
      const [cert, key, request, extensions] = [at(`${leaf}.pem`), at(`${leaf}.key`), at(`${leaf}.csr`), at(`${leaf}.ext`)];
      await writeFile(extensions, `extendedKeyUsage=${usage}\nbasicConstraints=CA:FALSE\nsubjectAltName=${names}\n`);
      await runOk("openssl", ["req", "-new", ...newKey, "-subj", `/CN=${leaf}`, "-keyout", key, "-out", request]);
      const signing = ["x509", "-req", "-in", request, "-CA", ca, "-CAkey", caKey, "-CAcreateserial", "-days", `${days}`];
      await runOk("openssl", [...signing, "-extfile", extensions, "-out", cert]);
      return { cert, key };
    },
    revoke: async (...pairs) => {
      const [config, index, list] = [at(`${name}.cnf`), at(`${name}.index`), at(`${name}.crl`)];
      await writeFile(index, "", { flag: "a" });
      await writeFile(config, `[ca]\ndefault_ca=it\n[it]\ndatabase=${index}\ndefault_md=sha256\ndefault_crl_days=1\n`);
      const ours = ["ca", "-config", config, "-cert", ca, "-keyfile", caKey];
      for (const { cert } of pairs) await runOk("openssl", [...ours, "-revoke", cert]);
      await runOk("openssl", [...ours, "-gencrl", "-out", list]);
      return list;
    },
  };
};
