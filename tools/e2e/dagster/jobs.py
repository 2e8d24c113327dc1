"""Jobs for a live Dagster: jobs that succeed, fail, retry a step or last long, and a job with partitions."""

import time

import dagster as dg


@dg.op(config_schema={"password": dg.Field(str, default_value="FAKE-hunter2")})
def extract(context):
    return 3


@dg.op
def load(n):
    return n


@dg.job(tags={"team": "sales"})
def daily_load():
    load(extract())


@dg.op
def connect():
    raise ValueError("could not connect to postgres://chm:FAKE-pw@db.example.test/x")


@dg.job
def reconcile_failing():
    load(connect())


@dg.op
def left():
    raise RuntimeError("left side is empty")


@dg.op
def right():
    raise RuntimeError("right side is empty")


@dg.job
def two_failures():
    left()
    right()


@dg.op(retry_policy=dg.RetryPolicy(max_retries=2, delay=1))
def flaky(context):
    if context.retry_number < 1:
        raise RuntimeError("try again")


@dg.job
def flaky_job():
    flaky()


@dg.op(config_schema={"seconds": dg.Field(float, default_value=60.0)})
def sleep(context):
    time.sleep(context.op_config["seconds"])


@dg.job
def long_job():
    sleep()


@dg.asset(partitions_def=dg.DailyPartitionsDefinition(start_date="2026-11-01"))
def daily_sales(context):
    return context.partition_key


defs = dg.Definitions(
    assets=[daily_sales],
    jobs=[
        daily_load,
        reconcile_failing,
        two_failures,
        flaky_job,
        long_job,
        dg.define_asset_job("daily_sales_job", selection=[daily_sales]),
    ],
    schedules=[
        dg.ScheduleDefinition(
            name="every_minute",
            job=daily_load,
            cron_schedule="* * * * *",
            default_status=dg.DefaultScheduleStatus.RUNNING,
        )
    ],
)
