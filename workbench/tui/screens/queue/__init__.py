"""Queue: many trainings one after the other, which go on when nobody is connected."""
