"""A run's screen: its curves while it trains, its result when it has ended."""
