// A link inside running text.
import type { ComponentProps } from "react";
import { Link } from "react-router";
import { cn } from "@/lib/cn";

export function TextLink({ className, ...rest }: ComponentProps<typeof Link>) {
  return (
    <Link
      className={cn("font-semibold text-berry underline-offset-2 hover:underline", className)}
      {...rest}
    />
  );
}
