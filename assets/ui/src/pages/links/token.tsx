// What the screens behind links in mails share: the token of the link, and what is shown without one.
import { useSearchParams } from "react-router";
import { EntranceFrame } from "@/components/entrance";
import { ButtonLink } from "@/components/ui/button";

export function useLinkToken(): string | null {
  const [search] = useSearchParams();
  return search.get("token")?.trim() || null;
}

export function MissingToken() {
  return (
    <EntranceFrame
      title="This link is not whole"
      note="Some mail programs break long links over two lines."
    >
      <p className="mb-4 text-ink-soft">
        Copy the whole link from the mail into the address bar, or ask for a new one.
      </p>
      <ButtonLink to="/" variant="primary" className="w-full">
        Go to the start
      </ButtonLink>
    </EntranceFrame>
  );
}
