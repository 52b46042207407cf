"""Many trainings one after the other: a queue that outlives the connection and goes on later."""
