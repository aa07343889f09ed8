// What the tests' browser stand-in lacks.
import "@testing-library/jest-dom/vitest";

window.matchMedia ??= (query: string) =>
  ({
    matches: false,
    media: query,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  }) as unknown as MediaQueryList;
