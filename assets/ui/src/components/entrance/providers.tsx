// The buttons that log in through another provider.
import { KeyRound } from "lucide-react";
import type { AuthOptions } from "@/api/account";
import { apiUrl } from "@/api/base";

interface ProvidersProps {
  providers: AuthOptions["oidc"];
  /** The page to come back to. */
  returnTo: string;
}

export function Providers({ providers, returnTo }: ProvidersProps) {
  if (providers.length === 0) return null;
  return (
    <div className="mt-5">
      <p className="mb-4 flex items-center gap-3 text-sm text-ink-soft before:h-px before:flex-1 before:bg-line after:h-px after:flex-1 after:bg-line">
        or
      </p>
      <ul className="space-y-2">
        {providers.map(({ id, name }) => (
          <li key={id}>
            <a
              href={apiUrl(
                `/api/v1/auth/oidc/${encodeURIComponent(id)}/start?return_to=${encodeURIComponent(returnTo)}`,
              )}
              className="flex h-10 w-full items-center justify-center gap-2 rounded-lg border border-line-strong bg-surface px-4 text-[0.9375rem] font-semibold hover:bg-sunken focus-visible:rounded-lg"
            >
              <KeyRound className="size-4" aria-hidden />
              Log in with {name}
            </a>
          </li>
        ))}
      </ul>
    </div>
  );
}
