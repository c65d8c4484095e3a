"""Supervisors: carry a run from plan to outcome by performing what was committed. They decide nothing alone."""
