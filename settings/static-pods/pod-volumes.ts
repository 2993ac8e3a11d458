/** What the parts of a volume need from each other. Source: Kubernetes' pkg/apis/core/validation. */
import { isObject, isSet, objectsIn, shown, type Flaw, type ObjectPlace } from "./object-types.ts";
import { oneOf, type ObjectRule } from "./object-rules.ts";

/** What the environment, and what files, may tell a pod about itself. */
export const selfPaths = {
  environment:
    /^(?:metadata\.(?:name|namespace|uid)|metadata\.(?:labels|annotations)\['.+'\]|spec\.(?:nodeName|serviceAccountName)|status\.(?:hostIP|podIP)s?)$/,
  files: /^metadata\.(?:name|namespace|uid|labels|annotations|labels\['.+'\]|annotations\['.+'\])$/,
};

export function* fieldPath(source: unknown, supported: RegExp, at: ObjectPlace): Iterable<Flaw> {
  const path = isObject(source) ? source["fieldPath"] : undefined;
  if (typeof path === "string" && !supported.test(path)) {
    yield {
      at: [...at, "fieldRef", "fieldPath"],
      message: `must be a field that a pod may ask for, not ${shown(path)}`,
    };
  }
}

export const file: ObjectRule = function* (object, at, known) {
  yield* oneOf(1, "path", "mode")(object, at, known);
  yield* fieldPath(object["fieldRef"], selfPaths.files, at);
  const resource = object["resourceFieldRef"];
  if (isObject(resource) && (!isSet(resource, "containerName") || resource["containerName"] === "")) {
    yield {
      at: [...at, "resourceFieldRef", "containerName"],
      message: "must be set, because a file is of no container",
    };
  }
};

/** Sources of one volume write their files beside each other. */
export const projected: ObjectRule = function* (object, at) {
  const before = new Set<string>();
  for (const [source, index] of objectsIn(object, "sources")) {
    for (const [kind, part] of Object.entries(source)) {
      const items = isObject(part) ? [...objectsIn(part, "items"), [part, -1] as const] : [];
      for (const [item, inner] of items) {
        const path = item["path"];
        if (typeof path !== "string" || path === "") continue;
        const place = [...at, "sources", index, kind, ...(inner === -1 ? [] : ["items", inner]), "path"];
        if (before.has(path))
          yield { at: place, message: `must be unlike other paths: ${shown(path)} is there before` };
        before.add(path);
      }
    }
  }
};
