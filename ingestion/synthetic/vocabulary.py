"""The words and sizes of all synthetic data.

This module imports no models, because simulated partners and chm-synthetic-orchestrator run without django.setup(). So
it repeats the choices of the models, and a test compares them.
"""

PLATFORMS = ("airflow", "dbt", "cron", "vendor_api", "custom")
PIPELINE_TYPES = ("ingestion", "transform", "quality", "export", "healthcheck")
ENVIRONMENTS = ("dev", "staging", "prod")
STATUSES = ("running", "success", "failed", "canceled", "skipped")
RULE_TYPES = ("on_failure", "failures_in_window")
CHANNELS = ("slack", "email", "webhook")

CLIENT_FIRST_WORDS = (
    "Alder Baltic Cobalt Delta Ember Fjord Granite Harbor Indigo Juniper Kestrel Lumen Meridian Northern Orchard Polar"
).split()
CLIENT_SECOND_WORDS = (
    "Analytics Bank Commerce Diagnostics Energy Foods Freight Insurance Logistics Media Mobility Retail Telecom Trading"
).split()
SUBJECTS = (
    "orders payments customers inventory shipments invoices sessions claims prices suppliers tickets loyalty".split()
)
# The next three tables contain for each pipeline type: a word for names of pipelines, the typical duration of a run in
# seconds, and the range of processed rows.
WORK_WORDS = {
    "ingestion": "load",
    "transform": "mart",
    "quality": "checks",
    "export": "export",
    "healthcheck": "heartbeat",
}
TYPICAL_SECONDS = {"ingestion": 240, "transform": 420, "quality": 60, "export": 150, "healthcheck": 8}
ROW_RANGES = {
    "ingestion": (50_000, 5_000_000),
    "transform": (20_000, 2_000_000),
    "quality": (5_000, 500_000),
    "export": (10_000, 1_000_000),
    "healthcheck": (100, 10_000),
}
# Pairs of error_message and status_reason.
ERRORS = (
    ("Connection to the source timed out after 300 s", "upstream timeout"),
    ("Column 'amount' holds 17 values that are not numbers", "schema drift"),
    ("Deadlock detected while merging into the target", "warehouse contention"),
    ("HTTP 503 from the vendor's export endpoint", "vendor outage"),
    ("Disk quota exceeded on the staging volume", "no space left"),
    ("Test unique_order_id failed: 42 duplicates", "data quality"),
    ("Credentials were refused by the target", "expired credentials"),
)
INCIDENT_ERROR = ("HTTP 502 from the platform during its incident", "platform incident")
