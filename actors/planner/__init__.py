"""The planner: from a change and its repository to a plan with a reason for every job. It never runs code."""
