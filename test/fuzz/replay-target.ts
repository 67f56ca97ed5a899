/** Any lines as a recording: nothing throws, and what comes out is lines of NDJSON. */
import { asFields } from "../../src/replay/fields.ts";
import { RecordedClock } from "../../src/replay/recorded-time.ts";
import { ReplayRun } from "../../src/replay/replay-run.ts";
import { NdjsonRenderer } from "../../src/sinks/ndjson-line.ts";
import type { FuzzTarget } from "./target.ts";

const ENDS =
  '"client":{"pid":7,"start_time":"2026-11-20T12:00:00.000000Z","comm":"node","command_line":["node"]},"server":{"pid":8,"start_time":"2026-11-20T12:00:01.000000Z","comm":"python3","command_line":[],"exit":{"code":0,"signal":null}}';
const RECORDING = [
  `{"kind":"session","timestamp":"2026-11-20T12:34:56.000001Z","event":"start","session":"s",${ENDS},"late_attach":true}`,
  '{"kind":"message","timestamp":"2026-11-20T12:34:56.000002Z","stdio_transport":{"from_pid":7,"from_comm":"node","to_pid":8,"to_comm":"python3","channel":"pipe:1"},"session":"s","direction":"client-to-server","seq":1,"type":"request","id":7,"method":"tools/call","params":{"name":"a"},"bytes":80,"queued_ms":1.5,"batch":{"index":0,"size":2},"flags":["bom"]}',
  '{"kind":"message","timestamp":"2026-11-20T12:34:56.500002Z","stdio_transport":{"from_pid":7,"from_comm":"node","to_pid":8,"to_comm":"python3","channel":"pipe:1"},"session":"s","direction":"client-to-server","seq":2,"type":"request","id_text":"[7]","method":"tools/call","params":{"name":"\\ufffd"},"params_text":"{\\"name\\":\\"\\\\ud83d\\"}","bytes":80,"flags":["invalid_id","as_text","lone_surrogate"]}',
  '{"kind":"message","timestamp":"2026-11-20T12:34:57.000002Z","stdio_transport":{"from_pid":8,"from_comm":"python3","to_pid":7,"to_comm":"node","channel":"pipe:2"},"session":"s","direction":"server-to-client","raw":"{\\"jsonrpc\\":\\"2.0\\",\\"id\\":7,\\"result\\":{}}","bytes":38}',
  '{"kind":"message","timestamp":"2026-11-20T12:34:57.000002Z","transport_type":"http","http_transport":{"is_request":true,"from_address":"[::1]:5","to_pid":8,"to_comm":"node","channel":"tcp:1","host":"a","method":"POST","path":"/mcp","version":"1.1","session_id":"x","exchange":1,"mode":"json"},"session":"http:1","direction":"client-to-server","id":7,"method":"ping","bytes":80}',
  '{"kind":"http","timestamp":"2026-11-20T12:34:57.000002Z","transport_type":"http","http_transport":{"is_request":true,"from_address":"[::1]:5","to_pid":8,"channel":"tcp:1","method":"POST","path":"/mcp","status":401,"exchange":1},"session":"http:1","outcome":"cut","duration_ms":1.5}',
  '{"kind":"session","timestamp":"2026-11-20T12:34:58.000001Z","event":"end","transport_type":"http","session":"http:1","client":{"address":"::1"},"server":null,"reason":"client deleted the session"}',
  '{"kind":"loss","timestamp":"2026-11-20T12:34:57.000003Z","reason":"ring_full","bytes":4096}',
  '{"kind":"coverage","timestamp":"2026-11-20T12:34:57.000004Z","reason":"io_uring","count":1,"bytes":0}',
  `{"kind":"session","timestamp":"2026-11-20T12:34:58.000001Z","event":"end","session":"s",${ENDS}}`,
  '{"kind":"summary","timestamp":"2026-11-20T12:34:59.000001Z"}',
].join("\n");

export const replayTarget: FuzzTarget = {
  name: "replay",
  seeds: [Buffer.from(RECORDING)],
  check(input) {
    const clock = new RecordedClock();
    const run = new ReplayRun(clock, true);
    const renderer = new NdjsonRenderer({ clock, raw: true, redactor: undefined });
    const out: string[] = [];
    for (const line of Buffer.from(input).toString().split("\n")) {
      const fields = parseLine(line);
      if (fields !== undefined) run.push(fields);
      out.push(...run.take().map((item) => renderer.item(item)));
    }
    run.end();
    out.push(...run.take().map((item) => renderer.item(item)));
    if (run.readable > 0) out.push(renderer.summary(run.summary("end_of_input")));
    for (const line of out) JSON.parse(line);
  },
};

function parseLine(line: string) {
  try {
    return asFields(JSON.parse(line));
  } catch {
    return undefined;
  }
}
