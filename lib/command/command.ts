/**
 * Commands as values: what they are called, take, do and print.
 *
 * `lib/command/command-line.ts` runs them; help, completion and reference pages are derived from the same values.
 */

import type { Conversation } from "./conversation.ts";
import { Failure } from "../failure.ts";

/** What is wrong with how a command was called; it exits 2 and points at its help. */
export function usageFailure(message: string): Failure<"usage"> {
  return new Failure("usage", message);
}

/** What a shell may offer for a word, with a few words about it. */
export type CompletionCandidate = { value: string; help?: string };

/** Where completions of a value come from: file names, or a function of what has been typed so far. */
export type Completer =
  | "files"
  | ((typed: string) => readonly CompletionCandidate[] | Promise<readonly CompletionCandidate[]>);

type Taking = {
  help: string;
  /** What help calls the value, for example "PATH". */
  value: string;
  /** May be given several times; the value is then a list. */
  many?: true;
  choices?: readonly string[];
  /** Turns the text into a value; throws a `Failure` whose message says what is expected. */
  parse?: (text: string) => unknown;
  complete?: Completer;
};

export type Switch = { type: "boolean"; help: string; short?: string };
export type TextOption = Taking & {
  type: "text";
  short?: string;
  /** A second letter, kept because people's scripts use it. */
  alsoShort?: string;
  required?: true;
  default?: string;
};
export type Option = Switch | TextOption;
export type Argument = Taking & { optional?: true };

export type Options = { readonly [name: string]: Option };
export type Arguments = { readonly [name: string]: Argument };
export type CommandValues = { readonly [name: string]: unknown };
type None = Record<never, never>;

type SingleValue<O> = O extends { parse: (text: string) => infer Value }
  ? Value
  : O extends { choices: readonly (infer Choice)[] }
    ? Choice
    : string;
type OptionValue<O> = O extends { type: "boolean" }
  ? boolean
  : O extends { many: true }
    ? readonly SingleValue<O>[]
    : O extends { required: true } | { default: string }
      ? SingleValue<O>
      : SingleValue<O> | undefined;
type ArgumentValue<A> = A extends { many: true }
  ? readonly SingleValue<A>[]
  : A extends { optional: true }
    ? SingleValue<A> | undefined
    : SingleValue<A>;

/** The values that a command's `run` receives, by the names of its options and arguments. */
export type ValuesOf<O, A> = { readonly [Name in keyof O]: OptionValue<O[Name]> } & {
  readonly [Name in keyof A]: ArgumentValue<A[Name]>;
};

export type Example = { run: string; description: string };

/** What every command has of the world, whatever its program adds. */
export type Invocation = {
  /** Aborted by the first interrupt. */
  readonly signal: AbortSignal;
  /** Standard input as it comes, to its end: who reads it sets the limit. */
  stdin: () => AsyncIterable<Uint8Array>;
  /** Writes to standard output at once, for results that are a stream. */
  write: (text: string) => void;
  /** Tells the person something that is not the result. */
  note: (text: string) => void;
  /** Standard input and output as they are; instead of `stdin` and `write`. */
  conversation: () => Conversation;
};

type Described = {
  /** Words are nested: "update apply" is `apply` below `update`. */
  name: string;
  summary: string;
  /** Paragraphs for help and the reference page. */
  description?: string;
  examples: readonly [Example, ...Example[]];
  /** Left out of help, completion and reference. */
  hidden?: true;
  /** From the first word that is not one of its own options on, every word is an argument, dashes or not. */
  passThrough?: { complete?(words: readonly string[]): Promise<readonly CompletionCandidate[]> };
};

export type CommandDefinition<Context, O, A, Data> = Described & {
  options?: O;
  arguments?: A;
  run(context: Context, values: ValuesOf<O, A>): Promise<Data>;
  /** Text for people. With it the command also takes `--json`; without it the result is printed as JSON, or as it is when it is text. */
  print?: (data: Data, values: ValuesOf<O, A>) => string | Promise<string>;
  /** What goes with the result and is none of it, a line each: written to stderr. */
  notes?: (data: Data) => readonly string[];
  /** For results that tell of a failure; 0 unless given. */
  exitCode?: (data: Data) => number;
};

export type Command<Context = unknown> = Described & {
  options: Options;
  arguments: Arguments;
  run(context: Context, values: CommandValues): Promise<unknown>;
  print: ((data: unknown, values: CommandValues) => string | Promise<string>) | undefined;
  notes(data: unknown): readonly string[];
  exitCode(data: unknown): number;
};

/** Makes commands that run with the same kind of context; types of values and data follow from each definition. */
export function commandsWith<Context>() {
  return function command<const O extends Options = None, const A extends Arguments = None, Data = unknown>(
    definition: CommandDefinition<Context, O, A, Data>,
  ): Command<Context> {
    const { print, notes, exitCode } = definition;
    return {
      ...definition,
      options: definition.options ?? {},
      arguments: definition.arguments ?? {},
      // The parser builds `values` from these very options and arguments, and `data` is what `run` returned.
      run: (context, values) => definition.run(context, values as ValuesOf<O, A>),
      print: print && ((data, values) => print(data as Data, values as ValuesOf<O, A>)),
      notes: (data) => notes?.(data as Data) ?? [],
      exitCode: (data) => exitCode?.(data as Data) ?? 0,
    };
  };
}

export type Program = {
  name: string;
  summary: string;
  version: string;
  description?: string;
  /** Options that every command takes, before or after its name. */
  options: Options;
  /** A summary for every word that only groups commands, by its full name. */
  groups: { readonly [name: string]: string };
  commands: readonly Command[];
  context(invocation: Invocation, globals: CommandValues): unknown;
  /** The command that is meant when one of its `options` is given and no command is named. */
  unnamed?: { command: string; options: readonly string[] };
};

/** A program whose commands all run with the `Context` that `context` makes of the options every command takes. */
export function program<Context, const G extends Options>(
  definition: Omit<Program, "options" | "commands" | "context"> & {
    options: G;
    commands: readonly Command<Context>[];
    context(invocation: Invocation, globals: ValuesOf<G, None>): Context;
  },
): Program {
  return {
    ...definition,
    // `context` below is the only source of what the commands get, and the parser builds `globals` from `options`.
    commands: definition.commands as readonly Command[],
    context: (invocation, globals) => definition.context(invocation, globals as ValuesOf<G, None>),
  };
}

/** The option by which a command prints JSON: its own `--json` may mean something else already. */
export function jsonOption({ print, passThrough, options }: Command): string | undefined {
  if (print === undefined || passThrough !== undefined) return undefined;
  return "json" in options ? "output-json" : "json";
}
