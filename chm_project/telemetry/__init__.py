"""Count metrics in all processes, write a log line for each request and task, and report errors to Sentry."""
