// An address that leads nowhere.
import { IceCreamCone } from "lucide-react";
import { Page } from "@/components/page";
import { ButtonLink } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Empty } from "@/components/ui/notice";

export function NotFound() {
  return (
    <Page title="Page not found">
      <Card>
        <Empty
          icon={IceCreamCone}
          title="Nothing is served at this address"
          action={
            <>
              <ButtonLink to="/" variant="primary">
                Go to the dashboard
              </ButtonLink>
              <ButtonLink to="/ask">Ask a question</ButtonLink>
            </>
          }
        >
          The link may be old, or what it led to was deleted.
        </Empty>
      </Card>
    </Page>
  );
}
