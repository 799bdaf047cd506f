"""Jobs: many calls at once, each in its own process with its own device."""

from priorkit.jobs.channel import Channel, running_in_worker
from priorkit.jobs.devices import default_jobs, worker_environments
from priorkit.jobs.pool import JobEvent, JobPool

__all__ = ["Channel", "JobEvent", "JobPool", "default_jobs", "running_in_worker", "worker_environments"]
