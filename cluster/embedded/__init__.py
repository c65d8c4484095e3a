"""The parts Delta starts for itself where it was given none: a private Redis, a local Ray head. They end with it."""
