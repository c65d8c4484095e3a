"""The failure analyzer: from a failed attempt's log and reports to an explanation. Pure; never changes or runs code."""
