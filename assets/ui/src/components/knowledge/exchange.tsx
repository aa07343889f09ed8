// What was taught as a file: saved as YAML, and taken in from one.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Download, Upload } from "lucide-react";
import { useState } from "react";
import { exportTaught, importTaught, refresh, type Imported } from "@/api/teaching";
import { Button } from "@/components/ui/button";
import { Choice } from "@/components/ui/field";
import { FormDialog, textOf } from "@/components/ui/form-dialog";
import { TextFileField } from "@/components/ui/text-file-field";
import { toast } from "@/components/ui/toast";
import { useAtLeast } from "@/lib/rights";

export function Exchange() {
  const mayTeach = useAtLeast("analyst");
  const [importing, setImporting] = useState(false);
  const save = useMutation({ mutationFn: exportTaught, onError: toast.error });
  return (
    <>
      <Button busy={save.isPending} onClick={() => save.mutate()}>
        <Download aria-hidden />
        Export
      </Button>
      {mayTeach && (
        <Button onClick={() => setImporting(true)}>
          <Upload aria-hidden />
          Import
        </Button>
      )}
      <ImportDialog open={importing} onOpenChange={setImporting} />
    </>
  );
}

const counted = ({ added, changed, unchanged, removed }: Imported) =>
  `${added} added, ${changed} changed, ${unchanged} unchanged, ${removed} removed.`;

interface ImportDialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

function ImportDialog({ open, onOpenChange }: ImportDialogProps) {
  const client = useQueryClient();
  const [text, setText] = useState("");
  return (
    <FormDialog
      open={open}
      onOpenChange={(next) => {
        if (!next) setText("");
        onOpenChange(next);
      }}
      title="Import knowledge"
      description="A YAML file as Export writes it. It is taken in as a whole or not at all, and active at once."
      wide
      submit="Import"
      run={async (form) => {
        const done = await importTaught(`${textOf(form, "yaml")}\n`, form.has("replace"));
        await refresh(client);
        setText("");
        toast.done(counted(done));
      }}
    >
      {() => (
        <>
          <TextFileField
            name="yaml"
            accept=".yaml,.yml,application/yaml,text/yaml"
            rows={10}
            value={text}
            onChange={setText}
            placeholder={"terms:\n- name: big order\n  means: orders with a total over 500"}
          />
          <Choice
            type="checkbox"
            name="replace"
            title="Replace everything"
            note="What is not in the file is deleted."
            className="-mx-2.5"
          />
        </>
      )}
    </FormDialog>
  );
}
