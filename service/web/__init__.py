"""The HTTP service: one process that owns the home. The only place that is asynchronous."""
