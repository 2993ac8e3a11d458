/**
 * Where the files of a release come from: an in-toto statement for each build, with SLSA's provenance, in a signed envelope.
 *
 * Sources: in-toto Attestation Framework v1, SLSA v1.0 (slsa.dev/spec/v1.0/provenance), DSSE v1 (secure-systems-lab/dsse).
 */
import type { Artefact } from "../../image/manifest.ts";
import type { FinishedBuild } from "../../image/finished-build.ts";
import type { Signer } from "../../repo/roles/signer.ts";

export type BuildFacts = {
  /** All 40 digits. */
  commit: string;
  /** By path in the source tree: the files that decide what a build is made from, with their SHA-256. */
  inputs: ReadonlyMap<string, string>;
  /** What a person chose beside variant, architecture and version. */
  parameters: Readonly<Record<string, string>>;
  /** Versions of what ran: { orlop: "0.1.0", bun: "1.4.5" }. */
  builder: Readonly<Record<string, string>>;
  startedOn: Date;
  finishedOn: Date;
};

const payloadType = "application/vnd.in-toto+json";
/** Names of kinds, no addresses: RFC 4151. */
const buildType = "tag:orlop,2026:image-build/v1";
const builderId = "tag:orlop,2026:release/v1";

export function statementOf({ manifest, name }: FinishedBuild, files: readonly Artefact[], facts: BuildFacts): object {
  const { variant, architecture, version } = manifest;
  return {
    _type: "https://in-toto.io/Statement/v1",
    subject: files.map((file) => ({ name: file.name, digest: { sha256: file.sha256 } })),
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        buildType,
        externalParameters: { variant, architecture, version, ...facts.parameters },
        internalParameters: {},
        resolvedDependencies: [
          { name: "source", digest: { gitCommit: facts.commit } },
          ...[...facts.inputs].map(([path, sha256]) => ({ name: path, digest: { sha256 } })),
        ],
      },
      runDetails: {
        builder: { id: builderId, version: facts.builder },
        metadata: {
          invocationId: name,
          startedOn: facts.startedOn.toISOString(),
          finishedOn: facts.finishedOn.toISOString(),
        },
      },
    },
  };
}

/** The statement in an envelope, signed by each. */
export async function envelopeOf(statement: object, signers: readonly Signer[]): Promise<string> {
  const payload = Buffer.from(JSON.stringify(statement));
  const signed = preAuthenticationEncoding(payload);
  const signatures = await Promise.all(
    signers.map(async (signer) => ({
      keyid: signer.key.keyID,
      sig: Buffer.from(await signer.sign(signed)).toString("base64"),
    })),
  );
  return JSON.stringify({ payloadType, payload: payload.toString("base64"), signatures });
}

/** What DSSE signs, so that nobody can take a payload of one type for one of another. */
export function preAuthenticationEncoding(payload: Uint8Array): Buffer {
  const head = `DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), payload]);
}
