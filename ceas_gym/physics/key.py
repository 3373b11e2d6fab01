"""Secret key from measured pairs (BBM92), and the length of tags that authenticate messages."""

import itertools

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

TEST_SHARES = np.geomspace(0.004, 0.5, 24)
"""Shares of a block's pairs that may be tested, of which the best is used. They are close enough,
because the optimum is flat over several of them."""


def binary_entropy(probability: ArrayLike) -> Float[Array, "..."]:
    """Returns the entropy of a bit, in bits.

        h(p) = -p log2 p - (1 - p) log2 (1 - p), h(0) = h(1) = 0.

    Args:
        probability: Probability p that the bit is 1; in [0, 1].

    Returns:
        The entropy h, in [0, 1]. Its gradient is finite everywhere, and set to 0 at p = 0 and 1.

    Source:
        Shannon, Bell System Technical Journal 27, 379 (1948).

    Example:
        >>> print(binary_entropy(jnp.array([0.0, 0.5, 1.0])))
        [0. 1. 0.]
    """
    certain = jnp.less_equal(probability, 0.0) | jnp.greater_equal(probability, 1.0)
    # Replaces 0 and 1 before the logarithms: a NaN that a later `where` hides would still reach the
    # gradient.
    p = jnp.where(certain, 0.5, probability)
    nats = -p * jnp.log(p) - (1.0 - p) * jnp.log1p(-p)
    return jnp.where(certain, 0.0, nats / jnp.log(2.0))


def secret_fraction(
    pair: Float[Array, "... 4"], error_correction: ArrayLike = 1.0
) -> Float[Array, "..."]:
    """Returns the secret key bits that one measured pair yields in the limit of many pairs.

    Key is read in the Z basis, where the outcomes differ for both Psi states; in the X basis they
    differ for Psi- and Phi-. So the error rates and the secret fraction are

        e_z = Psi- + Psi+, e_x = Psi- + Phi-, r = max(0, 1 - h(e_x) - f h(e_z)).

    The two error rates are kept apart, because a twirl to a Werner state would change the key rate:
    too high for pairs of the single-click scheme, too low for dephased ones.

    Args:
        pair: Bell-diagonal quadruples (Phi+, Psi-, Psi+, Phi-).
        error_correction: Inefficiency f of the error correction; >= 1, where 1 is the Shannon
            limit.

    Returns:
        The secret bits r of a pair whose halves are measured in the same basis, in [0, 1].

    Source:
        Bennett, Brassard and Mermin, PRL 68, 557 (1992); Shor and Preskill, PRL 85, 441 (2000);
        Devetak and Winter, Proc. R. Soc. A 461, 207 (2005).

    Example:
        >>> print(f"{secret_fraction(jnp.array([0.925, 0.025, 0.025, 0.025])):.3f}")
        0.427
    """
    error_x, error_z = pair[..., 1] + pair[..., 3], pair[..., 1] + pair[..., 2]
    leaked = jnp.multiply(error_correction, binary_entropy(error_z))
    fraction = 1.0 - binary_entropy(error_x) - leaked
    return jnp.maximum(fraction, 0.0)


def finite_key_bits(
    key_bits_raw: ArrayLike,
    test_bits: ArrayLike,
    error_rate: ArrayLike,
    error_correction: ArrayLike = 1.1,
    secrecy: ArrayLike = 1e-10,
    correctness: ArrayLike = 1e-15,
) -> Float[Array, "..."]:
    """Returns the secret key bits that one block of finite size yields.

    From n raw bits and k test bits with error rate Q,

        m = sqrt[(n + k) (k + 1) ln(4 / secrecy) / (n k^2)],
        bits = n [1 - h(Q + m)] - f n h(Q) - log2[2 / (secrecy^2 correctness)],

    where Q + m is limited to 1/2, at which no key is left.

    Args:
        key_bits_raw: Bits n of the block that become key; >= 0.
        test_bits: Further bits k that are revealed to estimate the error rate; >= 0.
        error_rate: Error rate Q observed in both bases; in [0, 1/2].
        error_correction: Inefficiency f of the error correction; >= 1.
        secrecy: Greatest probability that the key is not secret; in (0, 1).
        correctness: Greatest probability that the two keys differ; in (0, 1).

    Returns:
        The number of secret bits, not rounded; at least 0.

    Source:
        Tomamichel, Lim, Gisin and Renner, Nature Communications 3, 634 (2012).

    Example:
        >>> print(f"{finite_key_bits(100_000, 10_000, error_rate=0.025):.4g}")
        4.224e+04
    """
    # Avoids division by zero: one tested bit gives a margin beyond 1/2 just as none does.
    test = jnp.maximum(test_bits, 1.0)
    # The fraction is expanded, because n k^2 would overflow 32-bit integers.
    spread = (1.0 + test / key_bits_raw) * (1.0 + 1.0 / test) / test
    margin = jnp.sqrt(spread * jnp.log(jnp.divide(4.0, secrecy)))
    # Beyond 1/2 the entropy falls again, so that a large margin would count as key.
    worst = jnp.minimum(margin + error_rate, 0.5)
    leaked = jnp.multiply(error_correction, binary_entropy(error_rate))
    kept = 1.0 - binary_entropy(worst) - leaked
    fixed = 1.0 - 2.0 * jnp.log2(secrecy) - jnp.log2(correctness)
    return jnp.maximum(jnp.multiply(key_bits_raw, kept) - fixed, 0.0)


def finite_secret_fraction(
    pair: Float[Array, "... 4"], block_pairs: ArrayLike
) -> Float[Array, "..."]:
    """Returns the secret key bits of a block of finite size, divided by the number of its pairs.

    Of the b pairs of a block, k are tested and n = b - k become key, with the best k of
    `TEST_SHARES`. The error rate is the larger one of the two bases. The inefficiency of error
    correction and the failure probabilities are the defaults of `finite_key_bits`.

    Args:
        pair: Bell-diagonal quadruples (Phi+, Psi-, Psi+, Phi-).
        block_pairs: Pairs b that are distilled together; >= 1.

    Returns:
        Secret bits of a pair whose halves are measured in the same basis, in [0, 1]. It is a mean
        over the block, which yields all its bits at its end. Below 2000 pairs it is 0 for nearly
        any pair.

    Source:
        Tomamichel, Lim, Gisin and Renner, Nature Communications 3, 634 (2012).

    Example:
        >>> pair = jnp.array([0.9625, 0.0125, 0.0125, 0.0125])
        >>> print(f"{finite_secret_fraction(pair, 100_000):.3f}")
        0.384
    """
    error_x, error_z = pair[..., 1] + pair[..., 3], pair[..., 1] + pair[..., 2]
    error = jnp.maximum(error_x, error_z)[..., None]
    shares = TEST_SHARES.reshape((1,) * (pair.ndim - 1) + (-1,))
    tested = jnp.multiply(block_pairs, jnp.asarray(shares, pair.dtype))
    bits = finite_key_bits(block_pairs - tested, tested, error)
    return bits.max(axis=-1) / block_pairs


def tag_bits(message_bits: int, security_bits: int) -> int:
    """Returns the length of the tag that authenticates a message by polynomial evaluation.

    The message is hashed over GF(2^t) in ceil(m / t) blocks, and the hash of t bits is encrypted by
    a one-time pad. Such a tag is forged with a probability of at most ceil(m / t) 2^-t, so the
    length is the smallest t with

        t - log2(ceil(m / t)) >= b.

    The pad costs t bits of key for each message; the hash key, of t more bits, can be used again.

    Args:
        message_bits: Length m of the message, in bits; >= 1.
        security_bits: Security b, so that a forgery succeeds with probability at most 2^-b; >= 1.

    Returns:
        The length t of the tag, in bits.

    Raises:
        ValueError: If the message or the security has less than one bit.

    Source:
        Wegman and Carter, JCSS 22, 265 (1981); Portmann, arXiv:1202.1229.

    Example:
        >>> tag_bits(message_bits=1024, security_bits=64)
        68
    """
    for name, bits in (("message_bits", message_bits), ("security_bits", security_bits)):
        if bits < 1:
            raise ValueError(f"Argument `{name}` must be at least 1, but is {bits}.")
    # With powers of two the comparison is exact. The tag is never shorter than the security.
    return next(
        bits
        for bits in itertools.count(security_bits)
        if 2 ** (bits - security_bits) >= -(-message_bits // bits)
    )
