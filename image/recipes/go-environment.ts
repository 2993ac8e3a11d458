/** What the Go command sees: nothing of the machine but where it takes modules from. See `go help environment`. */
import { isFailure } from "../../lib/failure.ts";
import { run } from "../../lib/program/process.ts";
import type { Architecture } from "../../variants/variant.ts";

/** Where Go keeps what it compiled and downloaded, below the builder's cache. */
export type GoDirectories = { build: string; modules: string };

const goArchitectures = { x86_64: "amd64", aarch64: "arm64" } as const satisfies Record<Architecture, string>;

/** Debian's Go as it lies in the root that has it. */
export const goProgram = "/usr/bin/go";

/** For any architecture; without libraries, programs have no C in them and are static. */
export function goEnvironment(
  architecture: Architecture,
  { build, modules }: GoDirectories,
  libraries?: string,
): Record<string, string> {
  return {
    ...(libraries === undefined ? { CGO_ENABLED: "0" } : cgoEnvironment(architecture, libraries)),
    GOARCH: goArchitectures[architecture],
    GOOS: "linux",
    // The instructions that every processor of the architecture has.
    ...(architecture === "x86_64" ? { GOAMD64: "v1" } : { GOARM64: "v8.0" }),
    GOCACHE: build,
    GOMODCACHE: modules,
    GOENV: "off",
    GOTELEMETRY: "off",
  };
}

/** Names of GNU, by which Debian calls compilers and directories of libraries. */
const gnuNames = {
  x86_64: "x86_64-linux-gnu",
  aarch64: "aarch64-linux-gnu",
} as const satisfies Record<Architecture, string>;

/** @param libraries the root of the architecture's packages with headers and libraries */
function cgoEnvironment(architecture: Architecture, libraries: string): Record<string, string> {
  const name = gnuNames[architecture];
  return {
    CGO_ENABLED: "1",
    CC: `${name}-gcc`,
    PKG_CONFIG: "pkgconf",
    PKG_CONFIG_LIBDIR: `${libraries}/usr/lib/${name}/pkgconfig`,
    PKG_CONFIG_SYSROOT_DIR: libraries,
  };
}

/**
 * Where this machine takes modules from: by the configuration of its own Go, or the environment. Go's own default
 * without either; the name of a proxy counts for nothing, since every module is checked against `go.sum`.
 */
export async function moduleProxy(environment: NodeJS.ProcessEnv = process.env): Promise<Record<string, string>> {
  const names = ["GOPROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"];
  const variables = names.flatMap((name) => {
    const value = environment[name];
    return value === undefined || value === "" ? [] : [[name, value] as const];
  });
  return { ...(await proxyOfGo()), ...Object.fromEntries(variables) };
}

async function proxyOfGo(): Promise<Record<string, string>> {
  try {
    const { stdout } = await run(["go", "env", "GOPROXY"]);
    return stdout.trim() === "" ? {} : { GOPROXY: stdout.trim() };
  } catch (error) {
    if (isFailure(error, "no-such-program")) return {};
    throw error;
  }
}
