/** `./orlop publish …`: what a build becomes where people run it. */
import { publishAmi, publishGrant, publishRevoke } from "./ami.ts";
import { publishIso, publishNetboot } from "./installers.ts";
import { publishOva } from "./ova.ts";
import { publishRaw } from "./raw.ts";
import { publishParameters, publishPromote } from "./parameters.ts";

export const publishGroups = {
  publish: "What a build becomes where people run it: images in EC2, for VMware, for metal",
} as const;

export const publishCommands = [
  publishAmi,
  publishGrant,
  publishRevoke,
  publishParameters,
  publishPromote,
  publishOva,
  publishRaw,
  publishIso,
  publishNetboot,
];
