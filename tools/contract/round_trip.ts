// Test the generated TypeScript client with a running server: create, read, change and list objects.
// Also test the errors for an update with an outdated ETag, and for a missing run.
import assert from "node:assert/strict";
import { createClient } from "@chm/client";

const [address, token] = process.argv.slice(2);
const chm = createClient(address, token);

const name = `TypeScript ${Date.now()}`;
const created = await chm.POST("/api/v1/clients", {
  body: { name },
  params: { header: { "Idempotency-Key": name } },
});
assert.equal(created.response.status, 201);
const client = created.data!;
const repeated = await chm.POST("/api/v1/clients", {
  body: { name },
  params: { header: { "Idempotency-Key": name } },
});
assert.deepEqual(repeated.data, client);

const path = { client_id: client.id };
const read = await chm.GET("/api/v1/clients/{client_id}", { params: { path } });
assert.equal(read.data!.name, name);
const etag = read.response.headers.get("ETag")!;
const changed = await chm.PATCH("/api/v1/clients/{client_id}", {
  params: { path, header: { "If-Match": etag } },
  body: { name: `${name} renamed` },
});
assert.equal(changed.data!.name, `${name} renamed`);
const refused = await chm.PATCH("/api/v1/clients/{client_id}", {
  params: { path, header: { "If-Match": etag } },
  body: { name },
});
assert.equal(refused.response.status, 412);
assert.equal(refused.error!.error.code, "precondition_failed");

const pipeline = await chm.POST("/api/v1/clients/{client_id}/pipelines", {
  params: { path },
  body: { name: "Load", platform: "dbt", pipeline_type: "ingestion" },
});
const pipelineId = pipeline.data!.id;
for (const [number, status] of (["failed", "success", "failed"] as const).entries()) {
  const runPath = { pipeline_id: pipelineId, external_run_id: `run ${number}` };
  const pushed = await chm.PUT("/api/v1/pipelines/{pipeline_id}/runs/{external_run_id}", {
    params: { path: runPath },
    body: { status, started_at: `2026-03-0${number + 1}T10:00:00Z` },
  });
  assert.equal(pushed.response.status, 201);
  const stored = await chm.GET("/api/v1/pipelines/{pipeline_id}/runs/{external_run_id}", { params: { path: runPath } });
  assert.deepEqual(stored.data, pushed.data);
}
const runIds: string[] = [];
let cursor: string | undefined;
do {
  const query = { pipeline_id: [pipelineId], status: ["failed" as const, "running" as const], limit: 1, cursor };
  const page = await chm.GET("/api/v1/runs", { params: { query: { ...query, ordering: "event_at" } } });
  runIds.push(...page.data!.items.map((run) => run.external_run_id));
  cursor = page.data!.next_cursor ?? undefined;
} while (cursor);
assert.deepEqual(runIds, ["run 0", "run 2"]);

const failing = await chm.GET("/api/v1/reports/failing_now", { params: { query: { client_id: client.id } } });
assert.equal(failing.data!.items.length, 1);
const missing = await chm.GET("/api/v1/runs/{run_id}", { params: { path: { run_id: client.id } } });
assert.equal(missing.response.status, 404);
assert.equal(missing.error!.error.code, "not_found");
console.log("TypeScript: ok");
