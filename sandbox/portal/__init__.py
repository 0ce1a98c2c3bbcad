"""The sandbox portal: the service portal's contract, implemented on a database of its own, for demo and tests."""
