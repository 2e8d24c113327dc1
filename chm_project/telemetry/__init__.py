"""What CHM says of its own work: metrics of all processes, and one line of log per request, page and task."""
