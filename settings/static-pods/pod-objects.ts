/**
 * What the parts of a Pod need from each other. Sources: Kubernetes' pkg/apis/core/validation; kubelet's
 * pkg/kubelet/config/common.go and pkg/api/pod/util.go for what static pods may not refer to.
 */
import { nanosOf, quantity } from "../kubernetes-amounts.ts";
import { labelKey, labelValue } from "../kubernetes-names.ts";
import { isAtLeast, type Minor } from "../setting.ts";
import {
  isObject,
  isSet,
  objectsIn,
  shown,
  type AnObject,
  type Conditions,
  type Flaw,
  type Place,
} from "./object-types.ts";
import { referencesToApi } from "./pod-references.ts";

type ObjectRule = Conditions["objects"][string];

/** Names that come a second time in lists of objects; nothing and empty names do not count. */
function* twice(lists: readonly [Place, [AnObject, number][]][], field: string, words: string): Iterable<Flaw> {
  const before = new Set<unknown>();
  for (const [place, objects] of lists) {
    for (const [object, index] of objects) {
      const name = object[field];
      if (name === undefined || name === "") continue;
      if (before.has(name))
        yield { at: [...place, index, field], says: `must be ${words}: ${JSON.stringify(name)} is there before` };
      before.add(name);
    }
  }
}

/** @param beside fields that are not one of the alternatives */
const oneOf = (least: 0 | 1, ...beside: readonly string[]): ObjectRule =>
  function* (object, at, known) {
    const choices = [...known].filter((field) => !beside.includes(field));
    const chosen = choices.filter((field) => isSet(object, field));
    if (chosen.length < least) yield { at, says: `must have one of ${choices.join(", ")}` };
    const [, second] = chosen;
    if (second !== undefined) yield { at: [...at, second], says: `must not be set beside ${chosen[0]}` };
  };

const probeSettings = [
  "initialDelaySeconds",
  "timeoutSeconds",
  "periodSeconds",
  "successThreshold",
  "failureThreshold",
];
const oneHandler = oneOf(1, ...probeSettings, "terminationGracePeriodSeconds", "stopSignal");

const keys = (...fields: readonly string[]): ObjectRule =>
  function* (object, at) {
    for (const field of fields) {
      const map = object[field];
      for (const key of isObject(map) ? Object.keys(map) : []) {
        const fits = labelKey.schema().safeParse(field === "annotations" ? key.toLowerCase() : key).success;
        if (!fits) yield { at: [...at, field, key], says: `must have ${labelKey.words} for its name` };
      }
    }
  };

/** Fields that the API's description lets be left out, and validation does not. */
const needs = (...fields: readonly string[]): ObjectRule =>
  function* (object, at) {
    for (const field of fields) if (!isSet(object, field)) yield { at: [...at, field], says: "must be set" };
  };

const pod: ObjectRule = function* (object, at, known) {
  yield* needs("metadata", "spec")(object, at, known);
  const { metadata } = object;
  if (isObject(metadata)) yield* needs("name")(metadata, [...at, "metadata"], known);
};

const container: ObjectRule = function* (object, at, known) {
  yield* needs("image")(object, at, known);
  yield* twice([[[...at, "ports"], objectsIn(object, "ports")]], "name", "unlike other ports' names");
  yield* twice([[[...at, "volumeMounts"], objectsIn(object, "volumeMounts")]], "mountPath", "unlike other mounts'");
  const context = object["securityContext"];
  if (isObject(context) && context["privileged"] === true && context["allowPrivilegeEscalation"] === false) {
    yield { at: [...at, "securityContext", "allowPrivilegeEscalation"], says: "must not be false beside privileged" };
  }
};

/** What the environment, and what files, may tell a pod about itself. */
const paths = {
  environment:
    /^(?:metadata\.(?:name|namespace|uid)|metadata\.(?:labels|annotations)\['.+'\]|spec\.(?:nodeName|serviceAccountName)|status\.(?:hostIP|podIP)s?)$/,
  files: /^metadata\.(?:name|namespace|uid|labels|annotations|labels\['.+'\]|annotations\['.+'\])$/,
};

function* fieldPath(source: unknown, supported: RegExp, at: Place): Iterable<Flaw> {
  const path = isObject(source) ? source["fieldPath"] : undefined;
  if (typeof path === "string" && !supported.test(path)) {
    yield { at: [...at, "fieldRef", "fieldPath"], says: `must be a field that a pod may ask for, not ${shown(path)}` };
  }
}

const variableSource: ObjectRule = function* (object, at, known) {
  yield* oneOf(1)(object, at, known);
  yield* fieldPath(object["fieldRef"], paths.environment, at);
};

const file: ObjectRule = function* (object, at, known) {
  yield* oneOf(1, "path", "mode")(object, at, known);
  yield* fieldPath(object["fieldRef"], paths.files, at);
};

/** Sources of one volume write their files beside each other. */
const projected: ObjectRule = function* (object, at) {
  const before = new Set<string>();
  for (const [source, index] of objectsIn(object, "sources")) {
    for (const [kind, part] of Object.entries(source)) {
      const items = isObject(part) ? [...objectsIn(part, "items"), [part, -1] as const] : [];
      for (const [item, inner] of items) {
        const path = item["path"];
        if (typeof path !== "string" || path === "") continue;
        const place = [...at, "sources", index, kind, ...(inner === -1 ? [] : ["items", inner]), "path"];
        if (before.has(path)) yield { at: place, says: `must be unlike other paths: ${shown(path)} is there before` };
        before.add(path);
      }
    }
  }
};

const notEmpty = (field: string): ObjectRule =>
  function* (object, at) {
    const list = object[field];
    if (list === undefined || list === null || (Array.isArray(list) && list.length === 0)) {
      yield { at: [...at, field], says: "must have one or more items" };
    }
  };

/** Terms that a node must meet; what would only be better may have any values. */
const requiredNodes = (minor: Minor): ObjectRule =>
  function* (object, at, known) {
    yield* notEmpty("nodeSelectorTerms")(object, at, known);
    if (!isAtLeast(minor, "1.34")) return;
    for (const [term, index] of objectsIn(object, "nodeSelectorTerms")) {
      for (const [requirement, inner] of objectsIn(term, "matchExpressions")) {
        const { values } = requirement;
        for (const [place, value] of Array.isArray(values) ? values.entries() : []) {
          if (labelValue.schema().safeParse(value ?? "").success) continue;
          const where = [...at, "nodeSelectorTerms", index, "matchExpressions", inner, "values", place];
          yield { at: where, says: `must be ${labelValue.words}, not ${shown(value)}` };
        }
      }
    }
  };

const podSecurity: ObjectRule = function* (object, at) {
  yield* twice([[[...at, "sysctls"], objectsIn(object, "sysctls")]], "name", "unlike other parameters");
};

const variable: ObjectRule = function* (object, at) {
  if (isObject(object["valueFrom"]) && typeof object["value"] === "string" && object["value"] !== "") {
    yield { at: [...at, "valueFrom"], says: "must not be set beside value" };
  }
};

const standardResources = /^(?:cpu|memory|ephemeral-storage|hugepages-.+)$/;

const resources: ObjectRule = function* (object, at) {
  const { limits, requests } = object;
  for (const [field, amounts] of Object.entries({ limits, requests })) {
    for (const [name, amount] of Object.entries(isObject(amounts) ? amounts : {})) {
      const place = [...at, field, name];
      if (!standardResources.test(name) && !name.includes("/")) {
        yield {
          at: place,
          says: "must be a resource: cpu, memory, ephemeral-storage, or one with a domain and a slash",
        };
      }
      const limit = isObject(limits) ? limits[name] : undefined;
      if (field !== "requests" || limit === undefined || limit === null) continue;
      if (nanos(amount) > nanos(limit)) {
        yield { at: place, says: `must not be above its limit, which is ${shown(limit)}` };
      }
    }
  }
};

const nanos = (value: unknown): bigint =>
  quantity.schema().safeParse(String(value)).success ? nanosOf(String(value)) : 0n;

const toleration: ObjectRule = function* (object, at) {
  const { key, operator, effect, value } = object;
  if ((!isSet(object, "key") || key === "") && operator !== "Exists") {
    yield { at: [...at, "operator"], says: "must be Exists because key is empty" };
  }
  if (operator === "Exists" && typeof value === "string" && value !== "") {
    yield { at: [...at, "value"], says: "must be empty because operator is Exists" };
  }
  if (isSet(object, "tolerationSeconds") && effect !== "NoExecute") {
    yield { at: [...at, "effect"], says: "must be NoExecute because tolerationSeconds is set" };
  }
};

const profile: ObjectRule = function* (object, at) {
  const isLocal = object["type"] === "Localhost";
  if (isLocal !== isSet(object, "localhostProfile")) {
    const says = isLocal ? "must be set because type is Localhost" : "must not be set unless type is Localhost";
    yield { at: [...at, "localhostProfile"], says };
  }
};

const selection: ObjectRule = function* (object, at) {
  const { operator, values } = object;
  const count = Array.isArray(values) ? values.length : 0;
  if ((operator === "In" || operator === "NotIn") && count === 0) {
    yield { at: [...at, "values"], says: `must be set because operator is ${operator}` };
  }
  if ((operator === "Exists" || operator === "DoesNotExist") && count > 0) {
    yield { at: [...at, "values"], says: `must not be set because operator is ${operator}` };
  }
  if ((operator === "Gt" || operator === "Lt") && count !== 1) {
    yield { at: [...at, "values"], says: `must have one value because operator is ${operator}` };
  }
};

const spec = (minor: Minor): ObjectRule =>
  function* (object, at) {
    const containers = objectsIn(object, "containers");
    const early = objectsIn(object, "initContainers");
    const volumes = objectsIn(object, "volumes");
    if (Array.isArray(object["containers"]) && containers.length === 0) {
      yield { at: [...at, "containers"], says: "must have one or more containers" };
    }
    if (objectsIn(object, "ephemeralContainers").length > 0) {
      yield { at: [...at, "ephemeralContainers"], says: "must not be set in a manifest" };
    }
    const places = { containers: [...at, "containers"], early: [...at, "initContainers"] };
    yield* twice(
      [
        [places.containers, containers],
        [places.early, early],
      ],
      "name",
      "unlike other containers' names",
    );
    yield* twice([[[...at, "volumes"], volumes]], "name", "unlike other volumes' names");
    const all = [
      ...containers.map((entry) => [places.containers, ...entry] as const),
      ...early.map((entry) => [places.early, ...entry] as const),
    ];
    const names = new Set(volumes.map(([{ name }]) => name));
    for (const [place, each, index] of all) {
      for (const field of ["volumeMounts", "volumeDevices"]) {
        for (const [mount, inner] of objectsIn(each, field)) {
          if (typeof mount["name"] !== "string" || names.has(mount["name"])) continue;
          yield {
            at: [...place, index, field, inner, "name"],
            says: `must be one of volumes, not ${JSON.stringify(mount["name"])}`,
          };
        }
      }
    }
    yield* hostPorts(containers, places.containers, object["hostNetwork"] === true);
    for (const [each, index] of early) yield* initContainer(each, [...places.early, index]);
    if (object["hostPID"] === true && object["shareProcessNamespace"] === true) {
      yield { at: [...at, "shareProcessNamespace"], says: "must not be true beside hostPID" };
    }
    const dns = object["dnsConfig"];
    if (
      object["dnsPolicy"] === "None" &&
      !(isObject(dns) && Array.isArray(dns["nameservers"]) && dns["nameservers"].length > 0)
    ) {
      yield { at: [...at, "dnsConfig"], says: "must have nameservers because dnsPolicy is None" };
    }
    if (isAtLeast(minor, "1.25")) yield* hostParameters(object, at);
    if (isAtLeast(minor, "1.34")) yield* referencesToApi(object, at);
  };

/** A pod without a namespace of its own has no parameters of it either. */
function* hostParameters(spec: AnObject, at: Place): Iterable<Flaw> {
  const context = spec["securityContext"];
  for (const [{ name }, index] of isObject(context) ? objectsIn(context, "sysctls") : []) {
    if (typeof name !== "string") continue;
    const namespace = /^net[./]/.test(name) ? "hostNetwork" : /^(?:kernel|fs)[./]/.test(name) ? "hostIPC" : undefined;
    if (namespace === undefined || spec[namespace] !== true) continue;
    yield {
      at: [...at, "securityContext", "sysctls", index, "name"],
      says: `must not be set because ${namespace} is true`,
    };
  }
}

function* initContainer(object: AnObject, at: Place): Iterable<Flaw> {
  if (object["restartPolicy"] === "Always") return;
  for (const field of ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"]) {
    if (isSet(object, field)) yield { at: [...at, field], says: "must not be set for an init container that ends" };
  }
}

function* hostPorts(containers: [AnObject, number][], at: Place, isHostNetwork: boolean): Iterable<Flaw> {
  const before = new Set<string>();
  for (const [container, index] of containers) {
    for (const [port, inner] of objectsIn(container, "ports")) {
      const { containerPort, hostPort, hostIP = "", protocol } = port;
      const onHost = isHostNetwork && (hostPort === undefined || hostPort === 0) ? containerPort : hostPort;
      const place = [...at, index, "ports", inner, "hostPort"];
      if (isHostNetwork && onHost !== containerPort) {
        yield { at: place, says: "must be containerPort because hostNetwork is true" };
      }
      if (typeof onHost !== "number" || onHost === 0) continue;
      const key = JSON.stringify([protocol === "" ? "TCP" : (protocol ?? "TCP"), hostIP, onHost]);
      if (before.has(key)) yield { at: place, says: `must be unlike other ports': ${onHost} is there before` };
      before.add(key);
    }
  }
}

/** By type. */
export function podObjects(minor: Minor): Conditions["objects"] {
  return {
    Pod: pod,
    ObjectMeta: keys("labels", "annotations"),
    PodSpec: spec(minor),
    Container: container,
    EnvVar: variable,
    EnvVarSource: variableSource,
    DownwardAPIVolumeFile: file,
    ProjectedVolumeSource: projected,
    ExecAction: notEmpty("command"),
    NodeSelector: requiredNodes(minor),
    PodSecurityContext: podSecurity,
    HostAlias: needs("ip"),
    PodDNSConfigOption: needs("name"),
    Probe: oneHandler,
    Handler: oneOf(1),
    LifecycleHandler: oneOf(1),
    ResourceRequirements: resources,
    Volume: oneOf(0, "name"),
    VolumeProjection: oneOf(isAtLeast(minor, "1.34") ? 1 : 0),
    Toleration: toleration,
    SeccompProfile: profile,
    AppArmorProfile: profile,
    NodeSelectorRequirement: selection,
    LabelSelectorRequirement: selection,
  };
}
