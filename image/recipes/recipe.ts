/**
 * Recipes: how programs that Debian has no package of are made, or where they are taken from.
 *
 * A recipe pins its input by hash and says what comes out, by hash too (`outputs/`): the same sources and the same
 * compiler give the same bytes, on any machine.
 */
import type { Architecture } from "../../variants/variant.ts";
import type { DebianArchive } from "../packages/debian/mirror.ts";

/** A tarball of a source package, as the signed index of sources names it. It holds all that it needs, `vendor/` too. */
export type DebianSource = {
  kind: "debian-source";
  archive: DebianArchive;
  path: string;
  sha256: string;
  bytes: number;
  /** What is written otherwise in it before anything is compiled. */
  edits?: readonly SourceEdit[];
};

/** Replaces a text that a file of the source has exactly once. */
export type SourceEdit = { file: string; from: string; to: string };

/** Modules that `go.mod` and `go.sum` beside the recipe pin; they come from the proxy that this machine's Go uses. */
export type GoModules = {
  kind: "go-modules";
  /** With `go.mod` and `go.sum`. */
  directory: string;
};

type Described = {
  /** Unique; what variants name it by: "kubernetes-1.20". */
  name: string;
  version: string;
  license: string;
  /** For vulnerability scanners: "pkg:golang/k8s.io/kubernetes@v1.20.2". */
  purl: string;
};

/** Programs compiled by Go, for any architecture. */
export type GoRecipe = Described & {
  kind: "go";
  source: DebianSource | GoModules;
  /** The package that holds the commands: "k8s.io/kubernetes". */
  importPath: string;
  /** The package of each program, below `importPath`. */
  programs: Readonly<Record<string, string>>;
  /** Has C in it, and is linked with the lock's "c-libraries"; without, a program is static. */
  cgo?: true;
  /** Tags of what is left out of the programs, or done in another way; see `go help buildconstraint`. */
  tags?: readonly string[];
  /** Variables that the linker sets: what programs say about their version. */
  variables: Readonly<Record<string, string>>;
  /** Programs of the source itself that write some of it first, for those that need it. */
  generate?: Readonly<Record<string, GeneratedSource>>;
};

/** Source that a generator of the same tree makes before a program is compiled. */
export type GeneratedSource = {
  /** The generator's package, below `importPath`. */
  generator: string;
  /** Its arguments, given the packages whose files have `tag`. */
  arguments: (packages: readonly string[]) => readonly string[];
  tag: string;
  /** Where such packages are; paths below the source. */
  within: readonly string[];
};

/** A program that its authors compiled and published. */
export type ReleaseRecipe = Described & {
  kind: "release";
  programs: Readonly<Record<string, Readonly<Partial<Record<Architecture, ReleaseFile>>>>>;
};

export type ReleaseFile = { url: string; sha256: string; bytes: number };

export type Recipe = GoRecipe | ReleaseRecipe;
