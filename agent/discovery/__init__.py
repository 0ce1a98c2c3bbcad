"""Finding devices on the network, and making one printer of several sightings."""
