/** A program in a host container, in a terminal. The terminal itself is loaded when somebody opens one. */
import { useEffect, useRef, useState } from "preact/hooks";

const usualCommand = "bash";

export function TerminalBox({ name }: { name: string }) {
  const [command, setCommand] = useState(usualCommand);
  const [running, setRunning] = useState<string>();
  const [ended, setEnded] = useState<string>();
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const place = box.current;
    if (running === undefined || place === null) return undefined;
    const over = new AbortController();
    void loadTerminal().then(({ openTerminal }) => {
      openTerminal(place, { name, command: running }, over.signal, (sentence) => {
        setEnded(sentence);
        setRunning(undefined);
      });
    });
    return () => over.abort();
  }, [running, name]);
  const start = (event: Event): void => {
    event.preventDefault();
    setEnded(undefined);
    setRunning(command);
  };
  return (
    <>
      <form class="row" onSubmit={start}>
        <label>
          Program{" "}
          <input value={command} onInput={({ currentTarget }) => setCommand(currentTarget.value)} spellcheck={false} />
        </label>
        <button type="submit" class="main" disabled={running !== undefined || command.trim() === ""}>
          Run
        </button>
        {running !== undefined && (
          <button type="button" onClick={() => setRunning(undefined)}>
            End
          </button>
        )}
        <span class="fine">The history keeps who ran what.</span>
      </form>
      {ended !== undefined && <p role="status">{ended}</p>}
      <div class="terminal" ref={box} hidden={running === undefined} />
    </>
  );
}

/** A file of its own, so that a page in which nobody opens a terminal does not load it; see `server/host-page.ts`. */
async function loadTerminal(): Promise<typeof import("../terminal.ts")> {
  // An address that only the browser knows: of one that it knows itself, the bundler takes what lies beside this module.
  const address = new URL("terminal.js", location.href).href;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it is made of that very module
  return (await import(address)) as typeof import("../terminal.ts");
}
