// The right edge of a table that goes on: a shade, and a button that says how many columns follow and goes there.
import { ChevronRight } from "lucide-react";
import { useEffect, useState, type RefObject } from "react";
import { plural } from "@/lib/format";

interface MoreColumnsProps {
  /** What is scrolled. */
  frame: RefObject<HTMLDivElement | null>;
  /** Of each column, in pixels; on a wide screen the columns share what is left. */
  widths: readonly number[];
}

interface Edge {
  hidden: number;
  /** The width of the scrollbar, which the shade leaves free. */
  gutter: number;
}

const NONE: Edge = { hidden: 0, gutter: 0 };
/** The part of a column that has to be out of sight before it counts as one that follows. */
const OUT_OF_SIGHT = 0.5;

export function MoreColumns({ frame, widths }: MoreColumnsProps) {
  const [edge, setEdge] = useState(NONE);

  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const look = () => {
      const seen = element.scrollLeft + element.clientWidth;
      const rest = element.scrollWidth - seen;
      const next = rest < 4 ? NONE : { hidden: beyond(widths, seen), gutter: gutterOf(element) };
      setEdge((now) => (now.hidden === next.hidden && now.gutter === next.gutter ? now : next));
    };
    look();
    const size = new ResizeObserver(look);
    size.observe(element);
    element.addEventListener("scroll", look, { passive: true });
    return () => {
      size.disconnect();
      element.removeEventListener("scroll", look);
    };
  }, [frame, widths]);

  if (edge.hidden === 0) return null;
  const words = `${plural(edge.hidden, "more column")} to the right`;
  return (
    <div
      className="pointer-events-none absolute inset-y-px right-px z-20 w-14 rounded-r-xl bg-gradient-to-l from-surface to-transparent"
      style={{ marginRight: edge.gutter }}
    >
      <button
        type="button"
        // The table itself is scrolled by the arrow keys; this is for the pointer.
        tabIndex={-1}
        aria-label={words}
        title={words}
        onClick={() => {
          const element = frame.current;
          element?.scrollBy({ left: element.clientWidth * 0.7, behavior: "smooth" });
        }}
        className="pointer-events-auto absolute top-1 right-1 flex h-7 items-center gap-0.5 rounded-full border border-line-strong bg-surface pr-1 pl-2 text-xs font-semibold shadow-card hover:bg-custard-soft"
      >
        +{edge.hidden}
        <ChevronRight className="size-3.5" aria-hidden />
      </button>
    </div>
  );
}

function beyond(widths: readonly number[], seen: number): number {
  let right = 0;
  return widths.filter((width) => {
    right += width;
    return right - seen > width * OUT_OF_SIGHT;
  }).length;
}

function gutterOf(element: HTMLElement): number {
  return element.offsetWidth - element.clientWidth - 2;
}
