import { BlockList, isIP } from "node:net";

/** A set of networks, which tells whether an address is in one of them. */
export type Networks = { readonly has: (address: string) => boolean };

const familyOf = (address: string): "ipv4" | "ipv6" => (isIP(address) === 4 ? "ipv4" : "ipv6");

/** Returns an IPv4 address that is written as one of IPv6, as sockets of both families report it, in its own form, and drops a zone. */
const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, "").replace(/%.*$/, "");

/** The words that say what is wrong with a text that is no network. */
export const notANetwork = "must be a network such as 10.0.0.0/8 or fd00::/8, or an address";

/** Tells whether a text is a network in CIDR notation, or an address. */
export const isNetwork = (text: string): boolean => {
  const [address = "", length, ...more] = text.split("/");
  const family = isIP(address);
  if (family === 0 || address.includes("%") || more.length > 0) return false;
  return length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= (family === 4 ? 32 : 128));
};

/** Makes the set of some networks in CIDR notation, each of which `isNetwork`. */
export const createNetworks = (texts: readonly string[]): Networks => {
  const list = new BlockList();
  for (const text of texts) {
    const [address = "", length] = text.split("/");
    if (length === undefined) list.addAddress(address, familyOf(address));
    else list.addSubnet(address, Number(length), familyOf(address));
  }
  return {
    has: (address) => {
      const given = plain(address);
      return isIP(given) !== 0 && list.check(given, familyOf(given));
    },
  };
};

/** The groups of an IPv6 address, whose longest run of zeros may be left out. */
const groupsOf = (address: string): readonly string[] => {
  const [front = "", back] = address.split("::");
  const before = front.split(":").filter(Boolean);
  const after = (back ?? "").split(":").filter(Boolean);
  return [...before, ...Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => "0"), ...after];
};

/** Returns what one peer has to itself of an address: an IPv4 address whole, and of an IPv6 address the first 64 bits. */
export const networkOf = (address: string): string => {
  const given = plain(address);
  return isIP(given) === 6 ? groupsOf(given).slice(0, 4).join(":") : given;
};
