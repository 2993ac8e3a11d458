/**
 * The manifest of a static pod: YAML or JSON, in base64.
 *
 * Kubelet only logs what it cannot use, and the pod is missing; so what it must have is asked for before, with the place
 * in the manifest. Source: kubelet's pkg/kubelet/config/common.go; core/v1, Pod.
 */
import { type Document, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments } from "yaml";
import { base64 } from "./text.ts";
import { type Type, typeOf } from "./type.ts";

/** As Kubernetes wants the names of pods. */
const podName = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const containerName = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

const words = "the manifest of a pod, in base64";

export const podManifest: Type<string> = typeOf(words, () =>
  base64.schema().superRefine((encoded, context) => {
    const flaw = flawOf(Buffer.from(encoded, "base64"));
    if (flaw !== undefined) context.addIssue({ code: "custom", message: `must be ${words}: ${flaw}`, input: encoded });
  }),
);

/** What is wrong with a manifest, with its line and column; undefined when kubelet can use it. */
export function flawOf(bytes: Uint8Array): string | undefined {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return "it is not UTF-8";
    throw error;
  }
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  if (!Array.isArray(documents)) return "it is empty";
  const [document, second] = documents;
  if (document === undefined) return "it is empty";
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `line ${line}, column ${col}: `;
  };
  const [error] = documents.flatMap(({ errors }) => errors);
  if (error !== undefined) return `${at(error.pos[0])}${error.message}`;
  if (second !== undefined) return `${at(second.range[0])}only one document is used`;
  const fault = faultOf(document);
  return fault === undefined ? undefined : `${at(fault.at?.range?.[0] ?? 0)}${fault.says}`;
}

type Fault = { at: Node | undefined; says: string };

function faultOf(document: Document.Parsed): Fault | undefined {
  const root = document.contents;
  if (!isMap(root))
    return { at: root ?? undefined, says: "expected a mapping with apiVersion, kind, metadata and spec" };
  const is = (path: readonly string[], expected: (value: unknown) => boolean, says: string): Fault | undefined => {
    const node = document.getIn(path, true);
    if (isScalar(node) && expected(node.value)) return undefined;
    return { at: (node as Node | undefined) ?? nearestNode(document, path), says: `${path.join(".")} must be ${says}` };
  };
  return (
    is(["apiVersion"], (value) => value === "v1", "v1") ??
    is(["kind"], (value) => value === "Pod", "Pod") ??
    is(["metadata", "name"], (value) => typeof value === "string" && podName.test(value), "the name of a pod") ??
    containersFault(document)
  );
}

function containersFault(document: Document.Parsed): Fault | undefined {
  const path = ["spec", "containers"];
  const containers = document.getIn(path, true);
  if (!isSeq(containers) || containers.items.length === 0) {
    return { at: nearestNode(document, path), says: "spec.containers must be a list of one or more containers" };
  }
  for (const [index, container] of containers.items.entries()) {
    const where = `spec.containers[${index}]`;
    if (!isMap(container)) return { at: container as Node, says: `${where} must be a mapping` };
    const name = container.get("name");
    const image = container.get("image");
    if (typeof name !== "string" || !containerName.test(name)) {
      return { at: container, says: `${where}.name must be the name of a container` };
    }
    if (typeof image !== "string" || image === "") return { at: container, says: `${where}.image must be an image` };
  }
  return undefined;
}

/** The innermost node on the way to a path that is there. */
function nearestNode(document: Document.Parsed, path: readonly string[]): Node | undefined {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    if (node !== undefined && node !== null) return node as Node;
  }
  return document.contents ?? undefined;
}
