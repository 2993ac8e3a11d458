/** `apiclient apply`, and the same change planned and on trial. */
import { createHash } from "node:crypto";
import { Refused } from "../../../../api/client/refused.ts";
import { defined } from "../../../../lib/defined.ts";
import { usageFailure } from "../../../../lib/command/command.ts";
import { Failure } from "../../../../lib/failure.ts";
import { onOneLine } from "../../../../lib/text/printable.ts";
import { placeOf, type Places } from "../../../../lib/text/places.ts";
import type { DocumentReading } from "../../../../settings/document/document.ts";
import { splitKey } from "../../../../settings/model/key.ts";
import { describeProblem, type Problem } from "../../../../settings/model/problem.ts";
import { visibleAddress } from "../../../../settings/model/secrecy.ts";
import { appliedResult } from "./applied-text.ts";
import { apiCommand, type ClientContext } from "../context.ts";
import { planText } from "./plan-text.ts";
import { readSource } from "./source.ts";
import { commitProposed, messageOption, planProposed, type Propose } from "./proposal.ts";
import { tryOptions } from "./try.ts";

const args = {
  sources: {
    value: "URI",
    help: "TOML or JSON with a settings table: a file, - for standard input (which is meant when none is given), a http(s) or file URL, or base64:TEXT",
    many: true,
    optional: true,
    complete: "files",
  },
} as const;

export const apply = apiCommand({
  name: "apply",
  summary: "Apply settings from files, URLs or standard input",
  description: "Takes what user data may hold. Several documents become one change; a later one wins.",
  examples: [
    { run: "apiclient apply < user-data.toml", description: "standard input" },
    { run: "apiclient apply base.toml https://example.com/site.toml", description: "several" },
    {
      run: "apiclient apply --sha256 6a2d…e1 http://10.0.0.5/site.toml",
      description: "nobody on the way may have changed it",
    },
  ],
  options: {
    ...messageOption,
    sha256: { type: "text", value: "HEX", help: "Apply only a document with this SHA-256; there may be one then" },
  },
  arguments: args,
  run: (context, { sources, message, sha256 }) =>
    commitProposed(context, proposal(context, sources, sha256), { message }),
  ...appliedResult,
});

export const planApply = apiCommand({
  name: "plan apply",
  summary: "Say what `apply` would do",
  examples: [{ run: "apiclient plan apply user-data.toml", description: "shows keys, files, units and reboots" }],
  arguments: args,
  run: (context, { sources }) => planProposed(context, proposal(context, sources)),
  print: planText,
});

export const tryApply = apiCommand({
  name: "try apply",
  summary: "Apply settings until they are confirmed in time, else revert",
  examples: [{ run: "apiclient try apply --for 10m network.toml", description: "reverts in 10 minutes" }],
  options: { ...messageOption, ...tryOptions },
  arguments: args,
  run: (context, { sources, message, for: trySeconds }) =>
    commitProposed(context, proposal(context, sources), { message, trySeconds }),
  ...appliedResult,
});

type Document = { source: string; reading: Extract<DocumentReading, { ok: true }> };

function proposal(context: ClientContext, named: readonly string[], sha256?: string): Propose {
  const sources = named.length === 0 ? ["-"] : named;
  if (sha256 !== undefined && sources.length > 1) throw usageFailure("--sha256 is about one document");
  return async (api) => {
    const contents = await Promise.all(
      sources.map(async (source) => await readSource(source, { ...context.invocation, signal: context.signal })),
    );
    for (const bytes of contents) if (sha256 !== undefined) checkHash(bytes, sha256, sources[0] ?? "");
    // Every other command does without the schemas of all settings.
    const { modelOfHost } = await import("../host-model.ts");
    const { readDocument } = await import("../../../../settings/document/document.ts");
    const { model, hint } = await modelOfHost(api, context.signal);
    const documents: Document[] = [];
    for (const [index, bytes] of contents.entries()) {
      const source = sources[index] === "-" ? "standard input" : (sources[index] ?? "");
      const reading = readDocument(bytes, model);
      if (!reading.ok) throw refused(source, reading.problems, hint);
      for (const warning of reading.warnings) context.invocation.note(`${source}: ${describeProblem(warning)}`);
      documents.push({ source, reading });
    }
    // A later document wins setting by setting, as if each were staged after the one before.
    const settings = new Map(documents.flatMap(({ reading }) => [...model.leaves(reading.value)]));
    return {
      change: { set: model.tree(settings) },
      // What is in the history is not for everybody who reads it.
      message: onOneLine(`apply ${documents.map(({ source }) => visibleAddress(source)).join(" ")}`),
      locate: (refusal) => located(refusal, documents),
    };
  };
}

/** @throws {Failure<"hash-mismatch">} */
function checkHash(bytes: Uint8Array, expected: string, source: string): void {
  const found = createHash("sha256").update(bytes).digest("hex");
  if (found === expected.toLowerCase()) return;
  const subject = visibleAddress(source);
  throw new Failure("hash-mismatch", `cannot apply ${subject}: its SHA-256 is ${found}, expected ${expected}`);
}

/** The settings of the host's variant; of all variants together when this client does not know it. */
function refused(source: string, problems: readonly Problem[], hint: string | undefined): Failure<"bad-document"> {
  const lines = problems.map((problem) => `  ${describeProblem(problem)}`);
  return new Failure("bad-document", [`cannot apply ${source}:`, ...lines].join("\n"), defined({ hint }));
}

/** The host names keys; people look for lines. */
function located(error: Refused, documents: readonly Document[]): Refused {
  const { code, message, hint, status } = error;
  const problems = error.problems.map((problem) => {
    const place = placeIn(documents, splitKey(problem.key));
    return place === undefined ? problem : { ...problem, message: `${problem.message} (${place})` };
  });
  return new Refused(code, message, {
    cause: error,
    problems,
    ...defined({ hint, status }),
  });
}

/** Where the key is, or what it stands in; the last document wins, as it does for the host. */
function placeIn(documents: readonly Document[], path: readonly string[]): string | undefined {
  let best: { depth: number; place: string } | undefined;
  for (const { source, reading } of documents) {
    const places = reading.places();
    const depth = depthOf(places, path);
    // The settings table alone says nothing.
    if (depth < 2 || (best !== undefined && depth < best.depth)) continue;
    const { line, column } = placeOf(places, path, "name");
    best = { depth, place: `${source}, line ${line}, column ${column}` };
  }
  return best?.place;
}

function depthOf(places: Places, [segment, ...rest]: readonly string[]): number {
  const inner = segment === undefined ? undefined : places.inner.get(segment);
  return inner === undefined ? 0 : 1 + depthOf(inner, rest);
}
