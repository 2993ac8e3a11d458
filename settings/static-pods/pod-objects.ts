/**
 * What the parts of a Pod need from each other. Sources: Kubernetes' pkg/apis/core/validation; kubelet's
 * pkg/kubelet/config/common.go and pkg/api/pod/util.go for what static pods may not refer to.
 */
import { labelKey } from "../values/kubernetes-names.ts";
import { isAtLeast, type Minor } from "../model/setting.ts";
import { isObject, objectsIn, type AnObject, type Conditions, type Flaw, type ObjectPlace } from "./object-types.ts";
import { needs, notEmpty, oneOf, twice, type ObjectRule } from "./object-rules.ts";
import {
  container,
  hostPorts,
  initContainer,
  handlerRule,
  profile,
  resources,
  variable,
  variableSource,
} from "./pod-containers.ts";
import { requiredNodes, selection, toleration } from "./pod-placement.ts";
import { referencesToApi } from "./pod-references.ts";
import { file, projected } from "./pod-volumes.ts";

const keys = (...fields: readonly string[]): ObjectRule =>
  function* (object, at) {
    for (const field of fields) {
      const map = object[field];
      for (const key of isObject(map) ? Object.keys(map) : []) {
        const fits = labelKey.schema().safeParse(field === "annotations" ? key.toLowerCase() : key).success;
        if (!fits) yield { at: [...at, field, key], message: `must have ${labelKey.words} for its name` };
      }
    }
  };

const pod: ObjectRule = function* (object, at, known) {
  yield* needs("metadata", "spec")(object, at, known);
  const { metadata } = object;
  if (isObject(metadata)) yield* needs("name")(metadata, [...at, "metadata"], known);
};

const podSecurity: ObjectRule = function* (object, at) {
  yield* twice([[[...at, "sysctls"], objectsIn(object, "sysctls")]], "name", "unlike other parameters");
};

const spec = (minor: Minor): ObjectRule =>
  function* (object, at) {
    if (Array.isArray(object["containers"]) && object["containers"].length === 0) {
      yield { at: [...at, "containers"], message: "must have one or more containers" };
    }
    if (objectsIn(object, "ephemeralContainers").length > 0) {
      yield { at: [...at, "ephemeralContainers"], message: "must not be set in a manifest" };
    }
    const lists = ["containers", "initContainers"].map((field): [ObjectPlace, [AnObject, number][]] => [
      [...at, field],
      objectsIn(object, field),
    ]);
    yield* twice(lists, "name", "unlike other containers' names");
    yield* twice([[[...at, "volumes"], objectsIn(object, "volumes")]], "name", "unlike other volumes' names");
    for (const [place, containers] of lists) yield* mounts(containers, place, object);
    yield* hostPorts(objectsIn(object, "containers"), [...at, "containers"], object["hostNetwork"] === true);
    for (const [container, index] of objectsIn(object, "initContainers")) {
      yield* initContainer(container, [...at, "initContainers", index], minor);
    }
    if (object["hostPID"] === true && object["shareProcessNamespace"] === true) {
      yield { at: [...at, "shareProcessNamespace"], message: "must not be true beside hostPID" };
    }
    yield* nameServers(object, at);
    if (isAtLeast(minor, "1.25")) yield* hostParameters(object, at);
    if (isAtLeast(minor, "1.34")) yield* referencesToApi(object, at);
  };

function* mounts(containers: [AnObject, number][], at: ObjectPlace, spec: AnObject): Iterable<Flaw> {
  const volumes = new Set(objectsIn(spec, "volumes").map(([{ name }]) => name));
  for (const [container, index] of containers) {
    for (const field of ["volumeMounts", "volumeDevices"]) {
      for (const [{ name }, inner] of objectsIn(container, field)) {
        if (typeof name !== "string" || volumes.has(name)) continue;
        yield {
          at: [...at, index, field, inner, "name"],
          message: `must be one of volumes, not ${JSON.stringify(name)}`,
        };
      }
    }
  }
}

function* nameServers({ dnsPolicy, dnsConfig }: AnObject, at: ObjectPlace): Iterable<Flaw> {
  if (dnsPolicy !== "None") return;
  const servers = isObject(dnsConfig) ? dnsConfig["nameservers"] : undefined;
  if (Array.isArray(servers) && servers.length > 0) return;
  yield { at: [...at, "dnsConfig"], message: "must have nameservers because dnsPolicy is None" };
}

/** A pod without a namespace of its own has no parameters of it either. */
function* hostParameters(spec: AnObject, at: ObjectPlace): Iterable<Flaw> {
  const context = spec["securityContext"];
  for (const [{ name }, index] of isObject(context) ? objectsIn(context, "sysctls") : []) {
    if (typeof name !== "string") continue;
    const namespace = /^net[./]/.test(name) ? "hostNetwork" : /^(?:kernel|fs)[./]/.test(name) ? "hostIPC" : undefined;
    if (namespace === undefined || spec[namespace] !== true) continue;
    yield {
      at: [...at, "securityContext", "sysctls", index, "name"],
      message: `must not be set because ${namespace} is true`,
    };
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
    Probe: handlerRule,
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
