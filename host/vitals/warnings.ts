/** What will be wrong soon unless somebody sees to it: file systems that fill up, certificates that end. */
import type { Usage } from "../../api/machine-view.ts";
import { endingCertificates } from "../../settings/model/certificate-advice.ts";
import type { Settings } from "../../settings/model/model.ts";
import type { System } from "../machine/system.ts";
import { dataPlaces, fileSystemsOf } from "./usage.ts";

/** Kubelet evicts pods below a tenth (nodefs.available in the kubelet's documentation). */
const freeShareLeast = 0.1;
/** Then nearly everything that writes has failed. */
const freeShareNone = 0.01;

/** A month is long enough to have a certificate issued. */
const endsSoonMs = 30 * 86_400_000;

/** Sentences, the nearest trouble first. */
export async function warningsOf(system: System, settings: Settings): Promise<string[]> {
  const now = system.clock.now();
  return [
    ...(await fileSystemsOf(system, dataPlaces)).flatMap(fullness),
    ...[...endingCertificates(settings, now, endsSoonMs)].map(({ message }) => message),
  ];
}

function fullness({ path, sizeBytes, availableBytes }: Usage["fileSystems"][number]): string[] {
  const free = sizeBytes === 0 ? 1 : availableBytes / sizeBytes;
  if (free >= freeShareLeast) return [];
  const state = free < freeShareNone ? "full" : "nearly full";
  return [`${path} is ${state}: ${mebibytes(availableBytes)} MiB of ${mebibytes(sizeBytes)} MiB are free`];
}

const mebibytes = (bytes: number): number => Math.floor(bytes / 1024 ** 2);
