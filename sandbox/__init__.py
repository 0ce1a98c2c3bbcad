"""The world in a box: virtual printers and a portal to try meter-agent against; knows nothing of the agent's code."""
