"""The leaderboard: its store, filters, groups, the paper's tables and their export."""
