// The secret an authenticator app needs: as a picture to scan, and as text to type.
import type { SecondFactorSecret } from "@/api/account";
import { CopyButton } from "@/components/ui/copy-button";

export function Secret({ secret }: { secret: SecondFactorSecret }) {
  return (
    <div className="flex flex-wrap items-center gap-5">
      {/* On white in both themes: cameras read dark on light. */}
      <img
        src={`data:image/svg+xml;charset=utf-8,${encodeURIComponent(secret.qr_svg)}`}
        alt="QR code with the secret"
        width={176}
        height={176}
        className="rounded-xl border border-line bg-white p-2"
      />
      <div className="min-w-48 flex-1 text-sm">
        <p className="text-ink-soft">No camera? Type this secret into the app:</p>
        <p className="mt-2 flex items-center gap-1">
          <code className="min-w-0 font-mono break-words" aria-label="Secret">
            {secret.secret.match(/.{1,4}/g)?.join(" ")}
          </code>
          <CopyButton iconOnly label="Copy the secret" text={() => secret.secret} />
        </p>
        <p className="mt-2">
          <a href={secret.otpauth_url} className="font-semibold text-berry hover:underline">
            Open it in an app on this device
          </a>
        </p>
      </div>
    </div>
  );
}
