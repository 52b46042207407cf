"""What a run is on disk: folder, event log, status, control, workers. No Keras, no screens."""
