/**
 * What matchers behind `rejects` and `resolves` return.
 *
 * Bun's types leave out that they are promises, so the compiler and the linter could not see an assertion that nobody
 * waits for: the test would end before it is made.
 */
import type { MatchersBuiltin } from "bun:test";

type Promised<Matchers> = {
  [Name in keyof Matchers]: Matchers[Name] extends (...parameters: infer Parameters) => unknown
    ? (...parameters: Parameters) => Promise<void>
    : Promised<Matchers[Name]>;
};

declare module "bun:test" {
  // eslint-disable-next-line no-unused-vars
  interface Matchers<T> {
    rejects: Promised<MatchersBuiltin<unknown>>;
    resolves: Promised<MatchersBuiltin<unknown>>;
  }
}
