"""The one command line, `meter-agent`."""
