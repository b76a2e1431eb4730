"""When the clock starts a workflow: schedules as data, the instants they fire at, and what to do about missed ones."""
