/**
 * Reads `net.toml`: its shape by version, then the rules between its parts.
 *
 * Source: Bottlerocket's network configuration, versions 1 (DHCP), 2 (static addresses and routes) and 3 (MAC keys,
 * bonds, VLANs).
 */
import type { z } from "zod";
import { defined } from "../../lib/defined.ts";
import { isWrittenObject, type Written } from "../../lib/text/literal.ts";
import { nearest } from "../../lib/text/nearest.ts";
import { placeOf } from "../../lib/text/places.ts";
import { readToml } from "../../lib/text/toml.ts";
import { joinKey, splitKey } from "../../settings/model/key.ts";
import { show, type Parsed, type Problem } from "../../settings/model/problem.ts";
import { linkOf, linkNameType, shapes } from "./net-toml-shape.ts";
import { brokenRules } from "./net-toml-rules.ts";
import type { Link, LinkKey, NetworkConfig } from "./network-config.ts";

/** Far more than any machine's links need. */
const maxCharacters = 256 * 1024;

/** A table of known keys. */
type Shape<Table> = z.ZodObject & z.ZodType<Table>;

const macAddress = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i;

export function parseNetToml(text: string): Parsed<NetworkConfig> {
  if (text.length > maxCharacters) {
    return refused([{ key: "", message: `must be at most ${maxCharacters} characters, has ${text.length}` }]);
  }
  const document = readToml(text);
  if (!document.ok) {
    const { line, column, message } = document.error;
    return refused([{ key: "", message, line, column }]);
  }
  const { version, ...tables } = isWrittenObject(document.value) ? document.value : {};
  if (version !== 1 && version !== 2 && version !== 3) {
    const is = version === undefined ? "missing" : show(version);
    return refused([{ key: "version", message: `version must be 1, 2 or 3, is ${is}` }]);
  }
  const problems: Problem[] = [];
  const links: Link[] = [];
  for (const [name, table] of Object.entries(tables)) {
    const key = linkKey(name, version, problems);
    const link = key === undefined ? undefined : readLink(key, table, version, problems);
    if (link !== undefined) links.push(link);
  }
  problems.push(...brokenRules(links));
  if (problems.length > 0) {
    const places = document.places();
    return refused(problems.map((problem) => ({ ...problem, ...placeOf(places, splitKey(problem.key), "name") })));
  }
  return { ok: true, value: withPrimary(links), warnings: [] };
}

const refused = (problems: Problem[]): Parsed<NetworkConfig> => ({ ok: false, problems });

function linkKey(name: string, version: 1 | 2 | 3, problems: Problem[]): LinkKey | undefined {
  const key = joinKey([name]);
  if (macAddress.test(name)) {
    if (version === 3) return { mac: name.toLowerCase() };
    problems.push({ key, message: `${key} must be an interface name: MAC addresses need version = 3` });
    return undefined;
  }
  const checked = linkNameType.safeParse(name);
  if (checked.success) return { name };
  for (const { message } of checked.error.issues) problems.push({ key, message: `${key} ${message}` });
  return undefined;
}

function readLink(key: LinkKey, table: Written | undefined, version: 1 | 2 | 3, problems: Problem[]): Link | undefined {
  const name = "name" in key ? key.name : key.mac;
  const kind = version === 3 && isWrittenObject(table) ? table["kind"] : undefined;
  const read = <Table>(shape: Shape<Table>): Table | undefined => {
    const parsed = shape.safeParse(table, { reportInput: true });
    if (parsed.success) return parsed.data;
    problems.push(...parsed.error.issues.flatMap((issue) => complaints(name, shape, issue)));
    return undefined;
  };
  if (kind === undefined) {
    const written = version === 1 ? read(shapes().dhcpOnly) : read(shapes().addressing);
    return written && linkOf.addressing(key, written);
  }
  if ("mac" in key) {
    problems.push({
      key: joinKey([name]),
      message: `${joinKey([name])} must be a name: a bond or VLAN has no address of its own`,
    });
    return undefined;
  }
  if (kind === "vlan") {
    const written = read(shapes().vlan);
    return written && linkOf.vlan(key, written);
  }
  if (kind === "bond") {
    if (
      isWrittenObject(table) &&
      isWrittenObject(table["monitoring"]) &&
      Object.keys(table["monitoring"]).some((part) => part.startsWith("arpmon-"))
    ) {
      const written = read(shapes().arpBond);
      return written && linkOf.arpBond(key, written);
    }
    const written = read(shapes().miiBond);
    return written && linkOf.miiBond(key, written);
  }
  const kindKey = joinKey([name, "kind"]);
  problems.push({ key: kindKey, message: `${kindKey} must be "bond" or "vlan", is ${show(kind)}` });
  return undefined;
}

/** The sentences for what one check found. */
function complaints(name: string, shape: z.ZodObject, issue: z.core.$ZodIssue): Problem[] {
  const path = issue.path.map(String);
  const key = joinKey([name, ...path]);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((unknown) => {
      const full = joinKey([name, ...path, unknown]);
      const suggestion = path.length === 0 ? nearest(unknown, Object.keys(shape.shape)) : undefined;
      return { key: full, message: `${full} is not known`, ...defined({ suggestion }) };
    });
  }
  const { input } = issue;
  if (input === undefined) return [{ key, message: `${key} is missing: it ${issue.message}` }];
  return [{ key, message: `${key} ${issue.message}, is ${show(input)}` }];
}

/** The first link of the file stands for the machine unless one says that it does. */
function withPrimary(links: readonly Link[]): NetworkConfig {
  if (links.some(({ addressing }) => addressing.primary)) return links;
  return links.map((link, at) => (at === 0 ? { ...link, addressing: { ...link.addressing, primary: true } } : link));
}
