/**
 * Names of images: "registry.example.com:5000/team/tool:v1", "…@sha256:…", or both.
 *
 * As everybody does, a name without a registry is one of Docker Hub, and without a tag it is "latest".
 */
import { Failure } from "../../../lib/failure.ts";
import { imageGrammar } from "../../../settings/values/oci-names.ts";

export type Reference = {
  registry: string;
  repository: string;
  tag: string;
  /** What the image must be, when the name says so. */
  digest: string | undefined;
  /** The whole name as containerd keeps it. */
  name: string;
};

/** @throws {Failure<"bad-image-reference">} */
export function parseReference(text: string): Reference {
  const groups = imageGrammar.exec(text)?.groups;
  const path = groups?.["repository"];
  if (groups === undefined || path === undefined) {
    throw new Failure("bad-image-reference", `cannot use image ${JSON.stringify(text)}: it is no name of an image`, {
      hint: "write it as registry.example.com/name:tag or registry.example.com/name@sha256:…",
    });
  }
  const registry = groups["registry"] ?? "docker.io";
  const repository = registry === "docker.io" && !path.includes("/") ? `library/${path}` : path;
  const tag = groups["tag"] ?? "latest";
  const digest = groups["digest"];
  const tagged = groups["tag"] === undefined && digest !== undefined ? "" : `:${tag}`;
  const name = `${registry}/${repository}${tagged}${digest === undefined ? "" : `@${digest}`}`;
  return { registry, repository, tag, digest, name };
}
