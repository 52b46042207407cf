"""What a run is on disk: folder, event log, status, control, launcher. No Keras, no screens."""
