/** Objects of the cluster that a static pod may not refer to, since 1.34. Source: Kubernetes' pkg/api/pod/util.go. */
import { isObject, isSet, objectsIn, type AnObject, type Flaw, type ObjectPlace } from "./object-types.ts";

/** Sources of volumes that are objects of the cluster, or need some. */
const volumes = ["configMap", "secret", "csi", "glusterfs", "persistentVolumeClaim", "ephemeral", "azureFile"];
const projections = ["configMap", "secret", "serviceAccountToken", "clusterTrustBundle", "podCertificate"];
const environment = ["configMapKeyRef", "secretKeyRef"];

export function* referencesToApi(spec: AnObject, at: ObjectPlace): Iterable<Flaw> {
  const message = "must not be set: kubelet has no objects of the cluster for static pods";
  for (const field of ["serviceAccountName", "serviceAccount"]) {
    if (typeof spec[field] === "string" && spec[field] !== "") yield { at: [...at, field], message };
  }
  for (const field of ["imagePullSecrets", "resourceClaims"]) {
    if (objectsIn(spec, field).length > 0) yield { at: [...at, field], message };
  }
  const found = [
    ...["containers", "initContainers"].flatMap((field) => ofContainers(spec, [...at, field], field)),
    ...ofVolumes(spec, [...at, "volumes"]),
  ];
  for (const place of found) yield { at: place, message };
}

function ofContainers(spec: AnObject, at: ObjectPlace, field: string): ObjectPlace[] {
  return objectsIn(spec, field).flatMap(([container, index]) => [
    ...objectsIn(container, "env").flatMap(([{ valueFrom }, inner]) =>
      isObject(valueFrom)
        ? environment
            .filter((name) => isSet(valueFrom, name))
            .map((name) => [...at, index, "env", inner, "valueFrom", name])
        : [],
    ),
    ...objectsIn(container, "envFrom").map(([, inner]) => [...at, index, "envFrom", inner]),
  ]);
}

function ofVolumes(spec: AnObject, at: ObjectPlace): ObjectPlace[] {
  return objectsIn(spec, "volumes").flatMap(([volume, index]) => {
    const { projected } = volume;
    const sources = isObject(projected) ? objectsIn(projected, "sources") : [];
    return [
      ...[...volumes, ...secretHolders(volume)]
        .filter((name) => isSet(volume, name))
        .map((name) => [...at, index, name]),
      ...sources.flatMap(([source, inner]) =>
        projections
          .filter((name) => isSet(source, name))
          .map((name) => [...at, index, "projected", "sources", inner, name]),
      ),
    ];
  });
}

/** Sources that keep their credentials in a secret. */
function secretHolders(volume: AnObject): string[] {
  return Object.entries(volume).flatMap(([name, source]) =>
    isObject(source) && (isSet(source, "secretRef") || isSet(source, "nodePublishSecretRef")) && !volumes.includes(name)
      ? [name]
      : [],
  );
}
