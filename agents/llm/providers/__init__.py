"""Who speaks which wire: one module each."""
