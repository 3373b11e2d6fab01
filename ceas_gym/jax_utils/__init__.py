"""What JAX lacks or does slowly: quick compilation, random numbers, packed records, batches."""
