/** What a host shows of itself, signed by its TPM. */
import { z } from "zod";
import { evidence, nonceHex } from "../attestation/evidence.ts";
import type { Endpoint } from "./endpoint.ts";

export const attestationEndpoints = {
  getAttestation: {
    method: "GET",
    path: "/attestation",
    summary: "What the TPM measured of this boot and of the settings, signed by it together with the nonce",
    role: "read-only",
    remote: true,
    query: z.object({ nonce: nonceHex }),
    answers: { 200: evidence },
    refusals: [404],
  },
} as const satisfies Record<string, Endpoint>;
