/**
 * The manifest of a static pod: YAML or JSON, in base64.
 *
 * Kubelet only logs what it cannot use, and the pod is missing; so what it must have is asked for before, with the place
 * in the manifest. Documents after the first and all but the last of equal keys it drops without a word: they are refused.
 * Source: kubelet's pkg/kubelet/config/common.go.
 */
import {
  type Document,
  isMap,
  LineCounter,
  type Node,
  type ParseOptions,
  type DocumentOptions,
  type SchemaOptions,
  parseAllDocuments,
} from "yaml";
import { nearest } from "../../lib/text/nearest.ts";
import type { Minor } from "../model/setting.ts";
import { base64 } from "../values/text.ts";
import { secret, type Type, typeOf } from "../model/type.ts";
import { typeReport, type ObjectPlace } from "./object-types.ts";
import { podConditions, podTypes } from "./pod.ts";

const words = "the manifest of a pod, in base64";

/**
 * Whether it is a pod at all; `podReport` knows what the kubelet of a minor makes of it. Its containers' environment and
 * arguments are in it, so it is secret.
 */
export const podManifest: Type<string> = secret(
  typeOf(words, () =>
    base64.schema().superRefine((encoded, context) => {
      const read = readManifest(encoded);
      if (read.flaw !== undefined) {
        context.addIssue({ code: "custom", message: `must be ${words}: ${read.flaw}`, input: encoded });
      }
    }),
  ),
);

export type PodReport = {
  /** Its namespace and name; undefined when it has none. */
  name?: string;
  /** Why kubelet would refuse it. */
  flaws: string[];
  /** What kubelet would drop without a word. */
  dropped: string[];
};

/** What the kubelet of a minor makes of a manifest, each sentence with its line and column in it. */
export function podReport(encoded: string, minor: Minor): PodReport {
  const read = readManifest(encoded);
  if (read.flaw !== undefined) return { flaws: [read.flaw], dropped: [] };
  const { document, placed } = read;
  const namespace = document.getIn(["metadata", "namespace"]);
  const name = document.getIn(["metadata", "name"]);
  const { flaws, unknown } = typeReport(document.toJS(), "Pod", podTypes(minor), podConditions(minor));
  return {
    ...(typeof name === "string" ? { name: `${typeof namespace === "string" ? namespace : "default"}/${name}` } : {}),
    flaws: flaws.map(({ at, message }) => placed(nearestNode(document, at), `${pathText(at)} ${message}`)),
    dropped: unknown.map(({ at, name, fields }) => {
      const guess = nearest(name, fields);
      const question = guess === undefined ? "" : `; did you mean ${guess}?`;
      return placed(nearestNode(document, at), `${pathText(at)} is no field of Kubernetes ${minor}${question}`);
    }),
  };
}

type Reading =
  | { flaw: string }
  | { flaw?: undefined; document: Document.Parsed; placed: (node: Node | undefined, message: string) => string };

function readManifest(encoded: string): Reading {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(encoded, "base64"));
  } catch (error) {
    if (error instanceof TypeError) return { flaw: "it is not UTF-8" };
    throw error;
  }
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { ...asKubelet, lineCounter: lines });
  const at = (offset: number, message: string): string => {
    const { line, col } = lines.linePos(offset);
    return `line ${line}, column ${col}: ${message}`;
  };
  if (!Array.isArray(documents)) return { flaw: "it is empty" };
  const [document, ...rest] = documents;
  if (document === undefined) return { flaw: "it is empty" };
  const [error] = documents.flatMap(({ errors }) => errors);
  if (error !== undefined) return { flaw: at(error.pos[0], error.message) };
  const second = rest.find(({ contents }) => !isNothing(contents));
  const placed = (node: Node | undefined, message: string): string => at(node?.range?.[0] ?? 0, message);
  if (isNothing(document.contents)) {
    return {
      flaw: second === undefined ? "it is empty" : at(0, "the first document is empty, and kubelet reads no other"),
    };
  }
  if (second !== undefined) return { flaw: at(second.range[0], "only one document is used") };
  if (!isMap(document.contents)) {
    return {
      flaw: placed(document.contents ?? undefined, "expected a mapping with apiVersion, kind, metadata and spec"),
    };
  }
  for (const [name, expected] of [
    ["apiVersion", "v1"],
    ["kind", "Pod"],
  ] as const) {
    if (document.get(name) !== expected)
      return { flaw: placed(nearestNode(document, [name]), `${name} must be ${expected}`) };
  }
  return { document, placed };
}

/** A document of comments only, or of nothing. */
const isNothing = (node: Node | null): boolean =>
  node === null || node.toString().trim() === "" || node.toString() === "null";

/** Kubelet reads YAML 1.1, but takes times, and numbers in base 60, for text. */
const asKubelet: ParseOptions & DocumentOptions & SchemaOptions = {
  prettyErrors: false,
  uniqueKeys: true,
  version: "1.1",
  customTags: (tags) =>
    tags.filter((tag) => typeof tag === "string" || (tag.format !== "TIME" && !tag.tag.endsWith(":timestamp"))),
};

const pathText = (at: ObjectPlace): string =>
  at.length === 0
    ? "the manifest"
    : at.map((part, index) => (typeof part === "number" ? `[${part}]` : `${index === 0 ? "" : "."}${part}`)).join("");

/** The innermost node on the way to a path that is there. */
function nearestNode(document: Document.Parsed, path: ObjectPlace): Node | undefined {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- with `true`, the document hands out its nodes
    if (node !== undefined && node !== null) return node as Node;
  }
  return document.contents ?? undefined;
}
