// API tokens: one's own, with what each may do and when it was last used.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { KeyRound, Plus } from "lucide-react";
import { useState } from "react";
import { revokeToken, tokensQuery, type ApiToken } from "@/api/organization";
import { Part } from "@/components/settings/part";
import { CreateToken } from "@/components/tokens/create";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Card, CardHead } from "@/components/ui/card";
import { Confirm } from "@/components/ui/dialog";
import { Empty, LoadError } from "@/components/ui/notice";
import { SkeletonRows } from "@/components/ui/skeleton";
import { toast } from "@/components/ui/toast";
import { timeAgo, timeUntil } from "@/lib/format";
import { scopeWords } from "@/lib/scopes";

export default function TokenSettings() {
  const tokens = useQuery(tokensQuery);
  const [creating, setCreating] = useState(false);
  const add = (
    <Button variant="primary" onClick={() => setCreating(true)}>
      <Plus aria-hidden />
      New token
    </Button>
  );
  return (
    <Part title="API tokens">
      <Card aria-labelledby="tokens">
        <CardHead
          id="tokens"
          title="API tokens"
          note="For scripts and other programs that ask in your name."
          action={tokens.data && tokens.data.length > 0 && add}
        />
        {tokens.isPending ? (
          <div className="px-5 pb-5">
            <SkeletonRows count={2} />
          </div>
        ) : tokens.isError ? (
          <div className="px-5 pb-5">
            <LoadError error={tokens.error} retry={() => void tokens.refetch()} />
          </div>
        ) : tokens.data.length === 0 ? (
          <Empty icon={KeyRound} title="No API tokens yet" className="pt-4" action={add}>
            Make one to ask questions from a script, a notebook or another program.
          </Empty>
        ) : (
          <ul className="divide-y divide-line border-t border-line">
            {tokens.data.map((token) => (
              <TokenItem key={token.id} token={token} />
            ))}
          </ul>
        )}
      </Card>
      <CreateToken open={creating} onOpenChange={setCreating} />
    </Part>
  );
}

function TokenItem({ token }: { token: ApiToken }) {
  const client = useQueryClient();
  const { expired } = token;
  const facts = [
    `made ${timeAgo(token.created_at)}`,
    token.last_used_at ? `last used ${timeAgo(token.last_used_at)}` : "never used",
    !expired && `works ${timeUntil(token.expires_at)}`,
  ].filter(Boolean);
  return (
    <li className="flex items-center gap-3 px-5 py-3">
      <div className="min-w-0 flex-1">
        <p className="flex flex-wrap items-center gap-x-2 gap-y-1">
          <span className="font-semibold break-words">{token.name}</span>
          <code className="font-mono text-sm text-ink-soft">{token.prefix}…</code>
          {expired && <Badge tone="warn">Expired</Badge>}
          {token.scopes.map((scope) => (
            <Badge key={scope} title={scopeWords[scope].may}>
              {scopeWords[scope].name}
            </Badge>
          ))}
        </p>
        <p className="text-sm text-ink-soft">{facts.join(" · ")}</p>
      </div>
      <Confirm
        trigger={(open) => (
          <Button size="small" aria-label={`Revoke ${token.name}`} onClick={open}>
            Revoke
          </Button>
        )}
        title="Revoke this token?"
        confirm="Revoke the token"
        onConfirm={async () => {
          await revokeToken(token.id);
          await client.invalidateQueries({ queryKey: tokensQuery.queryKey });
          toast.done(`${token.name} was revoked.`);
        }}
      >
        Whatever uses <span className="font-semibold break-words text-ink">{token.name}</span> gets
        an error from now on. This cannot be undone.
      </Confirm>
    </li>
  );
}
