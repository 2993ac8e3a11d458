/**
 * TOML with positions. smol-toml reads; toml-eslint-parser, many times slower, is asked where things stand once there
 * is something to say about them.
 */
import { parse, TomlDate, TomlError, type TomlTable, type TomlValue } from "smol-toml";
import { parseTOML, type AST } from "toml-eslint-parser";
import { nulCharacter, withoutByteOrderMark } from "./encoding.ts";
import { Literal, type Written } from "./literal.ts";
import { placeOf, type Places, type Position } from "./places.ts";

export type ReadDocument =
  | { ok: true; value: Written; places: () => Places }
  | { ok: false; error: Position & { message: string } };

/** Deeper nesting has no use here, and everything that walks a value may recurse. */
const maxDepth = 64;

export function readToml(marked: string): ReadDocument {
  const text = withoutByteOrderMark(marked);
  const nul = nulCharacter(text);
  if (nul !== undefined) return { ok: false, error: nul };
  let table: TomlTable;
  try {
    table = parse(text, { integersAsBigInt: true, maxDepth });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The message is "Invalid TOML document: illegal character", a blank line and a drawing of the place.
    const message = error.message.split("\n")[0]?.replace(/^Invalid TOML document: /, "") ?? "bad TOML";
    return { ok: false, error: { line: error.line, column: error.column, message } };
  }
  const places = (): Places => placesInToml(text);
  const deep = deepPlace(table, []);
  if (deep === undefined) return { ok: true, value: written(table), places };
  return {
    ok: false,
    error: { ...placeOf(places(), deep, "name"), message: `nested more than ${maxDepth} levels deep` },
  };
}

/** A path of more than the allowed length: smol-toml does not limit how many dots a key has. */
function deepPlace(value: TomlValue | undefined, path: readonly string[]): readonly string[] | undefined {
  if (path.length > maxDepth) return path;
  if (!Array.isArray(value) && !isTable(value)) return undefined;
  for (const [name, inner] of Object.entries<TomlValue>(value)) {
    const deep = typeof inner === "object" ? deepPlace(inner, [...path, name]) : undefined;
    if (deep !== undefined) return deep;
  }
  return undefined;
}

function written(value: TomlValue): Written {
  switch (typeof value) {
    case "bigint":
      return Number.isSafeInteger(Number(value)) ? Number(value) : new Literal(String(value));
    case "number":
      if (!Number.isFinite(value)) return new Literal(Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf");
      return Number.isInteger(value) ? new Literal(value.toFixed(1), value) : value;
    case "object":
      if (Array.isArray(value)) return value.map(written);
      if (isTable(value))
        return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, written(inner)]));
      return new Literal(value instanceof TomlDate ? value.toISOString() : String(value));
    default:
      return value;
  }
}

/** Beside lists and tables only dates are objects, and only tables have no prototype. */
function isTable(value: TomlValue | undefined): value is TomlTable {
  return typeof value === "object" && Object.getPrototypeOf(value) === null;
}

/** Empty for what the second parser cannot read; then everything stands at the start of the document. */
function placesInToml(text: string): Places {
  const root: Places = { name: undefined, value: { line: 1, column: 1 }, inner: new Map() };
  let program: AST.TOMLProgram;
  try {
    program = parseTOML(text, { tomlVersion: "latest" });
  } catch (error) {
    // RangeError: the parser recurses, and spreads a long string over the stack.
    if (error instanceof SyntaxError || error instanceof RangeError) return root;
    throw error;
  }
  for (const part of program.body[0].body) {
    if (part.type === "TOMLKeyValue") keyValue(root, part);
    else tableHeader(root, part);
  }
  return root;
}

function tableHeader(root: Places, table: AST.TOMLTable): void {
  // The keys as written, with an index behind each one that leads to a list of tables.
  let written = -1;
  let at = root;
  for (const step of table.resolvedKey.slice(0, maxDepth)) {
    if (typeof step === "string") written++;
    const node = table.key.keys[written] ?? table.key;
    at = enter(at, String(step), positionOf(node), positionOf(table));
  }
  for (const part of table.body) keyValue(at, part);
}

function keyValue(parent: Places, part: AST.TOMLKeyValue): void {
  let at = parent;
  for (const node of part.key.keys.slice(0, maxDepth)) {
    const name = node.type === "TOMLBare" ? node.name : node.value;
    at = enter(at, name, positionOf(node), positionOf(part.value));
  }
  content(at, part.value);
}

function content(at: Places, node: AST.TOMLContentNode): void {
  if (node.type === "TOMLInlineTable") {
    for (const part of node.body) keyValue(at, part);
  } else if (node.type === "TOMLArray") {
    for (const [index, element] of node.elements.entries()) {
      content(enter(at, String(index), positionOf(element), positionOf(element)), element);
    }
  }
}

/** A part that is met again, by a later table header, keeps the place where it was met first. */
function enter(parent: Places, step: string, name: Position, value: Position): Places {
  let inner = parent.inner.get(step);
  if (inner === undefined) {
    inner = { name, value, inner: new Map() };
    parent.inner.set(step, inner);
  }
  return inner;
}

function positionOf(node: { loc: { start: { line: number; column: number } } }): Position {
  return { line: node.loc.start.line, column: node.loc.start.column + 1 };
}
