"""What trained models answer for each test image: kept, counted, compared. Knows no Keras."""
