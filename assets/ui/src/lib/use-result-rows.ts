// The rows of a stored result at any place: the first came with the answer, the others are fetched page by page as they come into view.
import { useQueries } from "@tanstack/react-query";
import { useCallback, useMemo, useState } from "react";
import { RESULT_PAGE, resultPageQuery } from "@/api/queries";
import type { Answer, Row } from "@/api/types";

/** Results up to this length are fetched whole, so that they can be sorted here. */
const WHOLE = 2 * RESULT_PAGE;
/** Pages held at once; those further away are fetched again when somebody comes back to them. */
const HELD = 12;

export interface ResultRows {
  /** The beginning of the result, or all of it. */
  rows: Row[];
  /** Absent when all rows are in `rows`. */
  rest?: {
    rowAt: (index: number) => Row | undefined;
    /** Says which rows are in view. */
    show: (first: number, last: number) => void;
  };
  loading: boolean;
  error: Error | null;
  retry: () => void;
}

export function useResultRows({ result_id, rows: here, row_count }: Answer): ResultRows {
  const partial = Boolean(result_id) && here.length < row_count;
  const whole = partial && row_count <= WHOLE;
  const pageCount = Math.ceil(row_count / RESULT_PAGE);
  const [wanted, setWanted] = useState<readonly number[]>([]);
  const fetched = useMemo(
    () => (whole ? Array.from({ length: pageCount }, (_, page) => page) : wanted),
    [whole, pageCount, wanted],
  );
  const pages = useQueries({
    queries: fetched.map((page) => ({ ...resultPageQuery(result_id ?? "", page) })),
    combine: useCallback(
      (
        results: readonly {
          data?: { rows: Row[] };
          isFetching: boolean;
          error: Error | null;
          refetch: () => unknown;
        }[],
      ) => ({
        rows: new Map(
          results.flatMap(({ data }, at) => (data ? [[fetched[at] ?? -1, data.rows]] : [])),
        ),
        loading: results.some(({ isFetching }) => isFetching),
        error: results.find(({ error }) => error)?.error ?? null,
        retry: () => {
          for (const { error, refetch } of results) if (error) refetch();
        },
      }),
      [fetched],
    ),
  });

  const show = useCallback(
    (first: number, last: number) => {
      const from = Math.floor(first / RESULT_PAGE);
      const to = Math.floor(last / RESULT_PAGE);
      const inView = Array.from({ length: to - from + 1 }, (_, at) => from + at).filter(
        (page) => Math.min((page + 1) * RESULT_PAGE, row_count) > here.length,
      );
      setWanted((before) =>
        inView.every((page) => before.includes(page))
          ? before
          : [...before.filter((page) => !inView.includes(page)), ...inView].slice(-HELD),
      );
    },
    [here.length, row_count],
  );
  const rowAt = useCallback(
    (index: number) =>
      here[index] ?? pages.rows.get(Math.floor(index / RESULT_PAGE))?.[index % RESULT_PAGE],
    [here, pages.rows],
  );
  const all = useMemo(
    () =>
      whole && pages.rows.size === pageCount
        ? Array.from({ length: pageCount }, (_, page) => pages.rows.get(page) ?? []).flat()
        : null,
    [whole, pageCount, pages.rows],
  );
  const rest = useMemo(() => ({ rowAt, show }), [rowAt, show]);
  return {
    rows: all ?? here,
    rest: partial && !all ? rest : undefined,
    loading: pages.loading,
    error: pages.error,
    retry: pages.retry,
  };
}
