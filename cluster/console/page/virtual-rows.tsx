/**
 * A long list of which only what is seen is in the document. With the keyboard, one row is reached by Tab, and the others from
 * there by the arrow keys, Page Up and Down, Home and End (ARIA Authoring Practices, grid).
 */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

type VirtualRowsProps<Row> = {
  label: string;
  columns: readonly string[];
  rows: readonly Row[];
  /** In pixels, the same for all. */
  rowHeight: number;
  keyOf: (row: Row) => string;
  /** One cell for each column; the first has what is focused: `tabIndex` and `data-focus` belong on it. */
  cells: (row: Row, focus: { tabIndex: number; "data-focus": true }) => readonly ComponentChildren[];
  class?: string;
};

/** Rows beyond what is seen, so that scrolling shows no gaps. */
const spare = 8;

export function VirtualRows<Row>({
  label,
  columns,
  rows,
  rowHeight,
  keyOf,
  cells,
  class: kind,
}: VirtualRowsProps<Row>) {
  const place = useRef<HTMLDivElement>(null);
  const [first, setFirst] = useState(0);
  const [height, setHeight] = useState(600);
  const [active, setActive] = useState(0);
  const [isMoving, setMoving] = useState(false);
  const chosen = Math.min(active, Math.max(0, rows.length - 1));

  useEffect(() => {
    const { current } = place;
    if (current === null) return;
    const measured = new ResizeObserver(() => setHeight(current.clientHeight));
    measured.observe(current);
    return () => measured.disconnect();
  }, []);

  useEffect(() => {
    const { current } = place;
    if (!isMoving || current === null) return;
    const [top, bottom] = [chosen * rowHeight, (chosen + 1) * rowHeight];
    if (top < current.scrollTop) current.scrollTop = top;
    if (bottom > current.scrollTop + current.clientHeight) current.scrollTop = bottom - current.clientHeight;
    current.querySelector<HTMLElement>(`[aria-rowindex="${chosen + 2}"] [data-focus]`)?.focus({ preventScroll: true });
    setMoving(false);
  }, [isMoving, chosen, first]);

  const page = Math.max(1, Math.floor(height / rowHeight) - 1);
  const move = (event: KeyboardEvent): void => {
    const to = destination(event.key, { chosen, page, last: rows.length - 1 });
    if (to === undefined) return;
    event.preventDefault();
    setActive(to);
    setFirst((before) => (to < before || to >= before + page ? Math.max(0, to - Math.floor(page / 2)) : before));
    setMoving(true);
  };
  const from = Math.max(0, first - spare);
  const until = Math.min(rows.length, first + Math.ceil(height / rowHeight) + spare);
  return (
    <div role="grid" aria-label={label} aria-rowcount={rows.length + 1} class={`rows ${kind ?? ""}`}>
      <div role="row" aria-rowindex={1} class="row-head">
        {columns.map((column) => (
          <span key={column} role="columnheader">
            {column}
          </span>
        ))}
      </div>
      <div
        role="rowgroup"
        class="rows-seen"
        ref={place}
        onKeyDown={move}
        onScroll={({ currentTarget }) => setFirst(Math.floor(currentTarget.scrollTop / rowHeight))}
      >
        <div role="presentation" ref={sized(rows.length * rowHeight)}>
          <div role="presentation" class="rows-window" ref={shifted(from * rowHeight)}>
            {rows.slice(from, until).map((row, index) => (
              <div key={keyOf(row)} role="row" aria-rowindex={from + index + 2} class="row-line" ref={sized(rowHeight)}>
                {cells(row, { tabIndex: from + index === chosen ? 0 : -1, "data-focus": true }).map((cell, at) => (
                  <span key={columns[at]} role="gridcell" class="cell">
                    {cell}
                  </span>
                ))}
              </div>
            ))}
          </div>
        </div>
      </div>
    </div>
  );
}

function destination(key: string, { chosen, page, last }: { chosen: number; page: number; last: number }) {
  const wanted: Readonly<Record<string, number>> = {
    ArrowDown: chosen + 1,
    ArrowUp: chosen - 1,
    PageDown: chosen + page,
    PageUp: chosen - page,
    Home: 0,
    End: last,
  };
  const to = wanted[key];
  return to === undefined ? undefined : Math.max(0, Math.min(last, to));
}

/** By the style object, which the policy of the page lets through; an attribute it does not. */
const sized = (pixels: number) => (element: HTMLElement | null) => {
  if (element !== null) element.style.height = `${pixels}px`;
};
const shifted = (pixels: number) => (element: HTMLElement | null) => {
  if (element !== null) element.style.transform = `translateY(${pixels}px)`;
};
