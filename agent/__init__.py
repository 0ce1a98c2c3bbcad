"""The meter agent: from a printer on the network to a booked reading in the service portal."""
