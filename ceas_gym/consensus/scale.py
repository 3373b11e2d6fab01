"""Powers of two, by which numbers of any scale are brought near one and back without rounding."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def power_of_two(size: Float[Array, ""]) -> Float[Array, ""]:
    """Returns the least power of two above a size, and 1 for a size of zero.

    Neither it nor its inverse is rounded to zero.

    Args:
        size: A number in [0, infinity).

    Example:
        >>> [float(power_of_two(jnp.float32(size))) for size in (0.0, 0.3, 8.0)]
        [1.0, 0.5, 16.0]
    """
    size = jnp.asarray(size)
    most = 2.0 ** (jnp.finfo(size.dtype).maxexp - 2)
    # A size divided by its mantissa, which is in [1/2, 1), is exactly a power of two.
    power = size / jnp.where(size > 0, jnp.frexp(size)[0], 1)
    return jnp.where(size > 0, jnp.clip(power, 1 / most, most), 1)
