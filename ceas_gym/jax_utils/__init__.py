"""What JAX lacks or is slow at: compilation, random numbers, packing, rows."""
