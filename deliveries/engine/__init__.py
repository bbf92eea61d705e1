"""The engine: leases lanes, sends what is due and records what came of it. Nobody below knows it."""
