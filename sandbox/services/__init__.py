"""Programs beside a job, such as a database: each in a sandbox of its own, reached on the job's loopback."""
