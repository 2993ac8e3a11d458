/** What the parts of a container need from each other. Source: Kubernetes' pkg/apis/core/validation. */
import { nanosOf, quantity } from "../values/kubernetes-amounts.ts";
import { isAtLeast, type Minor } from "../model/setting.ts";
import { isObject, isSet, objectsIn, shown, type AnObject, type Flaw, type ObjectPlace } from "./object-types.ts";
import { fieldPath, selfPaths } from "./pod-volumes.ts";
import { needs, oneOf, twice, type ObjectRule } from "./object-rules.ts";

const probeSettings = [
  "initialDelaySeconds",
  "timeoutSeconds",
  "periodSeconds",
  "successThreshold",
  "failureThreshold",
];
export const handlerRule = oneOf(1, ...probeSettings, "terminationGracePeriodSeconds", "stopSignal");

export const container: ObjectRule = function* (object, at, known) {
  yield* needs("image")(object, at, known);
  yield* twice([[[...at, "ports"], objectsIn(object, "ports")]], "name", "unlike other ports' names");
  yield* twice([[[...at, "volumeMounts"], objectsIn(object, "volumeMounts")]], "mountPath", "unlike other mounts'");
  const context = object["securityContext"];
  if (isObject(context) && context["privileged"] === true && context["allowPrivilegeEscalation"] === false) {
    yield {
      at: [...at, "securityContext", "allowPrivilegeEscalation"],
      message: "must not be false beside privileged",
    };
  }
};

export const variable: ObjectRule = function* (object, at) {
  if (isObject(object["valueFrom"]) && typeof object["value"] === "string" && object["value"] !== "") {
    yield { at: [...at, "valueFrom"], message: "must not be set beside value" };
  }
};

export const variableSource: ObjectRule = function* (object, at, known) {
  yield* oneOf(1)(object, at, known);
  yield* fieldPath(object["fieldRef"], selfPaths.environment, at);
};

const standardResources = /^(?:cpu|memory|ephemeral-storage|hugepages-.+)$/;

export const resources: ObjectRule = function* (object, at) {
  const { limits, requests } = object;
  for (const [field, amounts] of Object.entries({ limits, requests })) {
    for (const [name, amount] of Object.entries(isObject(amounts) ? amounts : {})) {
      const place = [...at, field, name];
      if (!standardResources.test(name) && !name.includes("/")) {
        yield {
          at: place,
          message: "must be a resource: cpu, memory, ephemeral-storage, or one with a domain and a slash",
        };
      }
      const limit = isObject(limits) ? limits[name] : undefined;
      if (field !== "requests" || limit === undefined) continue;
      if (nanos(amount) > nanos(limit)) {
        yield { at: place, message: `must not be above its limit, which is ${shown(limit)}` };
      }
    }
  }
};

const nanos = (value: unknown): bigint =>
  quantity.schema().safeParse(String(value)).success ? nanosOf(String(value)) : 0n;

export const profile: ObjectRule = function* (object, at) {
  const isLocal = object["type"] === "Localhost";
  if (isLocal !== isSet(object, "localhostProfile")) {
    const message = isLocal ? "must be set because type is Localhost" : "must not be set unless type is Localhost";
    yield { at: [...at, "localhostProfile"], message };
  }
};

export function* initContainer(object: AnObject, at: ObjectPlace, minor: Minor): Iterable<Flaw> {
  // Later ones know init containers that go on.
  if (isAtLeast(minor, "1.29") && object["restartPolicy"] === "Always") return;
  for (const field of ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"]) {
    if (isSet(object, field)) yield { at: [...at, field], message: "must not be set for an init container that ends" };
  }
}

export function* hostPorts(containers: [AnObject, number][], at: ObjectPlace, isHostNetwork: boolean): Iterable<Flaw> {
  const before = new Set<string>();
  for (const [container, index] of containers) {
    for (const [port, inner] of objectsIn(container, "ports")) {
      const { containerPort, hostPort, hostIP = "", protocol } = port;
      const onHost = isHostNetwork && (hostPort === undefined || hostPort === 0) ? containerPort : hostPort;
      const place = [...at, index, "ports", inner, "hostPort"];
      if (isHostNetwork && onHost !== containerPort) {
        yield { at: place, message: "must be containerPort because hostNetwork is true" };
      }
      if (typeof onHost !== "number" || onHost === 0) continue;
      const key = JSON.stringify([protocol === "" ? "TCP" : (protocol ?? "TCP"), hostIP, onHost]);
      if (before.has(key)) yield { at: place, message: `must be unlike other ports': ${onHost} is there before` };
      before.add(key);
    }
  }
}
