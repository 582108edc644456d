"""What finished products say of a spectrum: measures, bounds, intervals, regions."""
