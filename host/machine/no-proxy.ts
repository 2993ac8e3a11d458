/**
 * Which servers are reached without the proxy: entries as Go's programs read `NO_PROXY`, so that containerd, kubelet and
 * the host's own fetches go the same way.
 *
 * Source: golang.org/x/net/http/httpproxy, with net.ParseCIDR, net.ParseIP and net.SplitHostPort as it uses them. Its
 * answers to a table of entries are in test/real/conformance/no-proxy/.
 */
import { isIPv4, isIPv6 } from "node:net";
import { domainToASCII } from "node:url";

const defaultPorts: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" };

/** Whether a URL is reached directly; this machine itself always is. */
export function isDirect(url: URL, noProxy: readonly string[]): boolean {
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = url.port === "" ? (defaultPorts[url.protocol] ?? "") : url.port;
  const address = addressBytes(host);
  if (host === "localhost" || (address !== undefined && isLoopback(address))) return true;
  return noProxy
    .flatMap((entry) => entry.split(","))
    .map((entry) => entry.trim().toLowerCase())
    .some((entry) => matches(entry, host, address, port));
}

function matches(entry: string, host: string, address: Uint8Array | undefined, port: string): boolean {
  if (entry === "*") return true;
  const range = rangeOf(entry);
  if (range !== undefined) return address !== undefined && isInside(address, range);
  const { name, onPort } = splitPort(entry);
  if (name === "" || (onPort !== "" && onPort !== port)) return false;
  const named = addressBytes(name);
  if (named !== undefined) return address !== undefined && Buffer.compare(address, named) === 0;
  return address === undefined && isBelow(host, name);
}

/** ".example.com" and "*.example.com" are what is below it, "example.com" that name too. */
function isBelow(host: string, name: string): boolean {
  const [, dot = "", domain = ""] = /^(?:\*?(\.))?(.*)$/s.exec(name) ?? [];
  const ascii = /^[\0-\x7f]*$/.test(domain) ? domain : domainToASCII(domain) || domain;
  return host.endsWith(`.${ascii}`) || (dot === "" && host === ascii);
}

type Range = { network: Uint8Array; bits: number };

/** "10.0.0.0/8" or "fd00::/8". */
function rangeOf(entry: string): Range | undefined {
  const [, text = "", digits = ""] = /^([^/]+)\/(\d+)$/.exec(entry) ?? [];
  const network = addressBytes(text);
  if (network === undefined) return undefined;
  const written = isIPv4(text) ? 32 : 128;
  if (Number(digits) > written) return undefined;
  // An IPv4 address within IPv6 is that address, and so is a range.
  return { network, bits: Math.max(0, Number(digits) - (written - network.length * 8)) };
}

function isInside(address: Uint8Array, { network, bits }: Range): boolean {
  if (address.length !== network.length) return false;
  return network.every((byte, at) => {
    const mask = 0xff00 >> Math.min(8, Math.max(0, bits - at * 8));
    return ((byte ^ (address[at] ?? 0)) & mask & 0xff) === 0;
  });
}

/** "host:port" and "[address]:port"; anything else is a name without a port. */
function splitPort(entry: string): { name: string; onPort: string } {
  const [, bracketed, plain, onPort] = /^(?:\[([^[\]]*)\]|([^:[\]]*)):([^:[\]]*)$/.exec(entry) ?? [];
  const name = bracketed ?? plain;
  return name === undefined || onPort === undefined ? { name: entry, onPort: "" } : { name, onPort };
}

/** Four or sixteen bytes; IPv4 within IPv6 is IPv4. Undefined for names and for addresses of one interface. */
function addressBytes(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split("."), Number);
  if (!isIPv6(text) || text.includes("%")) return undefined;
  const [head = "", tail] = new URL(`http://[${text}]`).hostname.slice(1, -1).split("::");
  const groups = (part: string): number[] => (part === "" ? [] : part.split(":").map((group) => parseInt(group, 16)));
  const [first, last] = [groups(head), groups(tail ?? "")];
  const all = [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last];
  const bytes = Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]));
  const isMapped = all.slice(0, 5).every((group) => group === 0) && all[5] === 0xffff;
  return isMapped ? bytes.subarray(12) : bytes;
}

function isLoopback(address: Uint8Array): boolean {
  if (address.length === 4) return address[0] === 127;
  return address.every((byte, at) => byte === (at === 15 ? 1 : 0));
}

/** An entry as Go wants it: an IPv6 address or range without a port has no brackets. */
export function goEntry(entry: string): string {
  const [, inside, size = ""] = /^\[([^[\]/]+)(?:\]|(?=\/))(\/\d+)?\]?$/.exec(entry.trim()) ?? [];
  return inside !== undefined && isIPv6(inside) ? `${inside}${size}` : entry;
}
