// The custard swirl and the product's name.
export function Swirl({ className }: { className?: string }) {
  return (
    <svg viewBox="3.5 1 25 30" className={className} aria-hidden>
      <path d="M9.4 19.5h13.2l-4.9 9.6c-.7 1.4-2.7 1.4-3.4 0z" fill="#b8763a" />
      <path
        d="M16 1.8c.5 2.6 3.9 3.3 5.1 5.7.8 1.6.3 3-.5 4 2.4.5 4 2.1 4 4.2 0 2.9-3.2 4.8-8.6 4.8s-8.6-1.9-8.6-4.8c0-2.3 1.9-3.9 4.6-4.3-1-.9-1.4-2.3-.8-3.7C12.2 5.3 15.2 4.8 16 1.8z"
        fill="#f4b93a"
      />
      <path
        d="M11.5 12.3c2.6 1.3 6.2 1.2 9-.6M8.9 16.9c3.9 2.1 10 2 14.2-.7M13.1 7.9c1.6 1 3.9.9 5.8-.2"
        fill="none"
        stroke="#fff4d4"
        strokeWidth="1.5"
        strokeLinecap="round"
      />
    </svg>
  );
}

export function Logo() {
  return (
    <span className="flex items-center gap-2">
      <Swirl className="size-8" />
      <span className="font-display text-lg font-bold tracking-tight">Clean Custard</span>
    </span>
  );
}
