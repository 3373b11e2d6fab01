"""Fast random numbers: the same random bits as JAX's, exact binomial numbers, and keys of seeds.

A round makes many draws of a few hundred numbers. On a processor JAX makes the bits in a loop of
five turns, and binomial numbers in loops around it, and spends most time on starting these turns.
Here XLA fuses the bits into one pass over memory, and binomial numbers nearly always take one turn.
"""

import math
import operator
from collections.abc import Callable, Sequence
from typing import NamedTuple, SupportsIndex

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.random import define_prng_impl, threefry_prng_impl
from jaxtyping import Array, Bool, Float, Int, Key, UInt32

Words = tuple[Array, Array]

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
"""Bits by which the rounds of Threefry rotate a word, four rounds at a time."""
PARITY = 0x1BD11BDA
FEW = 10.0
"""Mean below which binomial numbers are drawn by inversion, that is by counting up from zero."""
MOST = 34
"""Largest number that inversion can return; at a mean of 10, more has a chance below 3e-9."""
ATTEMPTS = 2
"""Candidates per turn for a number of larger mean; about one in five is rejected."""


def key(seed: int) -> Key[Array, ""]:
    """Returns the random key of a seed, the same whether JAX uses 32 or 64 bits.

    A seed below 2^32 has the key that `jax.random.key` gives it. No two seeds below 2^64 share a
    key; two seeds of which one is larger share one with a probability of 2^-64.

    Args:
        seed: Whole number in [0, infinity).

    Raises:
        ValueError: If it is not a whole number, or negative.

    Example:
        >>> jax.random.key_data(key(2**32 + 3)).tolist()
        [1, 3]
    """
    return jax.random.wrap_key_data(jnp.asarray(_words_of(seed)), impl="threefry2x32")


def keys(seeds: Sequence[int]) -> Key[Array, " seeds"]:
    """Returns the random keys of several seeds, in [0, infinity), as `key` makes them.

    Example:
        >>> keys([7, 2**70]).shape
        (2,)
    """
    return jax.random.wrap_key_data(jnp.asarray(key_words(seeds)), impl="threefry2x32")


def key_words(seeds: Sequence[int]) -> UInt32[np.ndarray, "seeds 2"]:
    """Returns the two words, in [0, 2^32), of each seed's random key, as `key` makes it.

    Example:
        >>> key_words([3, 2**32 + 3]).tolist()
        [[0, 3], [1, 3]]
    """
    return np.array([_words_of(seed) for seed in seeds], np.uint32).reshape(-1, 2)


def _words_of(seed: object) -> UInt32[np.ndarray, "2"]:
    number = operator.index(seed) if isinstance(seed, SupportsIndex) else -1
    if number < 0:
        raise ValueError(f"Argument `seed` must be a whole number from 0 on, but is {seed}.")
    if number < 2**64:
        return np.array(divmod(number, 2**32), np.uint32)
    # A key has only 64 bits, so longer seeds are hashed.
    return np.random.SeedSequence(number).generate_state(2)


def quick(key: Key[Array, "*batch"]) -> Key[Array, "*batch"]:
    """Returns a key that gives the same random numbers, faster; only keys of JAX's default type.

    Args:
        key: A random key. One of another type is returned as it is.

    Source:
        Salmon, Moraes, Dror and Shaw, SC 2011: Threefry-2x32 with twenty rounds, as in JAX.

    Example:
        >>> key = jax.random.key(3)
        >>> bool(jax.random.uniform(quick(key)) == jax.random.uniform(key))
        True
    """
    if jax.random.key_impl(key) != "threefry2x32":
        return key
    return jax.random.wrap_key_data(jax.random.key_data(key), impl=THREEFRY)


def binomial(
    key: Key[Array, ""], trials: Int[Array, "*shape"], probability: Float[Array, "*shape"]
) -> Int[Array, "*shape"]:
    """Returns how many of the trials succeed: binomial numbers, exact but for 32-bit rounding.

    Numbers of a mean below `FEW` are found by inversion, others by rejection, with `ATTEMPTS`
    candidates at once.

    Args:
        key: Random key.
        trials: Numbers of trials, in [0, 2^24]; 32 bits round larger ones.
        probability: Probability of one success, in [0, 1].

    Source:
        Hormann, J. Stat. Comput. Simul. 46, 101 (1993): transformed rejection, BTRS.

    Example:
        >>> key = jax.random.key(0)
        >>> binomial(key, jnp.array([0, 7, 900]), jnp.array([0.5, 1.0, 0.0])).tolist()
        [0, 7, 0]
    """
    number = jnp.asarray(trials, jnp.float32)
    chance = jnp.clip(jnp.asarray(probability, jnp.float32), 0, 1)
    number, chance = jnp.broadcast_arrays(number, chance)
    rare = jnp.minimum(chance, 1 - chance)
    few = number * rare < FEW
    few_key, many_key = jax.random.split(key)
    counted = _count_up(number, rare, jax.random.uniform(few_key, number.shape))
    found = _reject(many_key, number, rare, counted, few)
    return jnp.where(chance > 0.5, number - found, found).astype(jnp.int32)


def binomial_few(
    key: Key[Array, ""], trials: Int[Array, "*shape"], probability: Float[Array, "*shape"]
) -> Int[Array, "*shape"]:
    """Returns numbers of the same law as `binomial`, in a single pass, for few trials.

    Args:
        key: Random key.
        trials: Numbers of trials, in [0, `MOST`].
        probability: Probability of one success, in [0, 1].

    Source:
        Devroye, Non-Uniform Random Variate Generation (1986), section X.4: inversion.

    Example:
        >>> binomial_few(jax.random.key(0), jnp.array([0, 7, 9]), jnp.array([0.5, 1, 0])).tolist()
        [0, 7, 0]
    """
    number, chance = jnp.broadcast_arrays(jnp.asarray(trials, jnp.float32), probability)
    chance = jnp.clip(chance.astype(jnp.float32), 0, 1)
    luck = jax.random.uniform(key, number.shape)
    found = _count_up(number, jnp.minimum(chance, 1 - chance), luck)
    return jnp.where(chance > 0.5, number - found, found).astype(jnp.int32)


def _count_up(trials: Array, probability: Array, luck: Array) -> Float[Array, "*shape"]:
    # Inversion: the number of cumulative probabilities that are at most the uniform `luck`.
    odds = probability / (1 - probability)
    chance = jnp.exp(trials * jnp.log1p(-probability))
    below, count = chance, jnp.zeros_like(luck)
    for successes in range(1, MOST + 1):
        count += luck >= below
        chance *= odds * (trials - (successes - 1)) / successes
        below += chance
    return jnp.minimum(count, trials)


class _Hat(NamedTuple):
    # Constants of each number's rejection scheme; `a` and `b` are named as in Hormann's paper.
    trials: Array
    odds: Array
    mode: Array
    a: Array
    b: Array
    centre: Array
    height: Array
    rest: Array


def _hat(trials: Array, probability: Array) -> _Hat:
    spread = jnp.sqrt(trials * probability * (1 - probability))
    b = 1.15 + 2.53 * spread
    mode = jnp.floor((trials + 1) * probability)
    return _Hat(
        trials=trials,
        odds=probability / (1 - probability),
        mode=mode,
        a=-0.0873 + 0.0248 * b + 0.01 * probability,
        b=b,
        centre=trials * probability + 0.5,
        height=(2.83 + 5.1 / b) * spread,
        rest=_stirling_rest(mode) + _stirling_rest(trials - mode),
    )


def _reject(
    key: Array, trials: Array, probability: Array, known: Array, is_known: Bool[Array, "*shape"]
) -> Float[Array, "*shape"]:
    # Where the number is known already, any valid parameters will do.
    hat = _hat(jnp.where(is_known, 4 * FEW, trials), jnp.where(is_known, 0.5, probability))

    def turn(found: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        key, count, done = found
        key, luck_key = jax.random.split(key)
        for place, height in jax.random.uniform(luck_key, (ATTEMPTS, 2, *count.shape)):
            candidate, fits = _candidate(hat, place - 0.5, height)
            count = jnp.where(done, count, candidate)
            done |= fits
        return key, count, done

    return jax.lax.while_loop(lambda found: ~found[2].all(), turn, (key, known, is_known))[1]


def _candidate(
    hat: _Hat, place: Array, height: Array
) -> tuple[Float[Array, "*shape"], Bool[Array, "*shape"]]:
    # A point below the hat function, and whether it is below the binomial law as well.
    edge = 0.5 - jnp.abs(place)
    drawn = jnp.floor((2 * hat.a / edge + hat.b) * place + hat.centre)
    count = jnp.clip(drawn, 0, hat.trials)
    limit = jnp.exp(_likelihood(hat, count))
    return count, (count == drawn) & (height * hat.height <= limit * (hat.a / edge**2 + hat.b))


def _likelihood(hat: _Hat, count: Array) -> Float[Array, "*shape"]:
    # Log ratio of the count's probability and the mode's, by Stirling's formula, in differences and
    # ratios near one, because differences of large logarithms lose precision.
    failures, more = hat.trials - count, hat.mode - count
    ratio = (count + 1) / ((failures + 1) * hat.odds)
    of_successes = (hat.mode + 0.5) * jnp.log1p(more / (count + 1))
    of_failures = (hat.trials - hat.mode + 0.5) * jnp.log1p(-more / (failures + 1))
    rest = hat.rest - _stirling_rest(count) - _stirling_rest(failures)
    return of_successes + of_failures + more * jnp.log(ratio) + rest


def _stirling_rest(number: Array) -> Float[Array, "*shape"]:
    # Its error is 3e-4 at zero, which changes one in 20,000 numbers of the smallest mean.
    inverse = 1 / (number + 1)
    square = inverse**2
    return (1 / 12 - (1 / 360 - square / 1260) * square) * inverse


def _block(key: Array, high: Array, low: Array) -> Words:
    first, second = key[0], key[1]
    schedule = (first, second, first ^ second ^ jnp.uint32(PARITY))
    high, low = high + first, low + second
    for turn in range(5):
        for rotation in ROTATIONS[turn % 2]:
            high = high + low
            low = ((low << rotation) | (low >> (32 - rotation))) ^ high
        high = high + schedule[(turn + 1) % 3]
        low = low + schedule[(turn + 2) % 3] + jnp.uint32(turn + 1)
    return high, low


def _numbered(key: Array, shape: tuple[int, ...]) -> Words:
    # Threefry is a cipher of a counter: block n of a key is the encrypted number n.
    number = jax.lax.iota(jnp.uint32, math.prod(shape)).reshape(shape)
    return _block(key, jnp.zeros_like(number), number)


def _apart(key: Array, compute: Callable[[], Array]) -> Array:
    # A loop whose single turn XLA can't foresee. So it does not compute the bits again in each use.
    def turn(_: Words) -> Words:
        return jnp.zeros_like(key[0]), compute()

    result = jax.eval_shape(compute)
    waiting = (key[0] | 1, jnp.zeros(result.shape, result.dtype))
    return jax.lax.while_loop(lambda words: words[0] != 0, turn, waiting)[1]


def _random_bits(key: Array, width: int, shape: tuple[int, ...]) -> Array:
    def compute() -> Array:
        high, low = _numbered(key, shape)
        if width == 64:
            return (high.astype(jnp.uint64) << 32) | low.astype(jnp.uint64)
        return (high ^ low).astype(f"uint{width}")

    return _apart(key, compute)


def _split(key: Array, shape: tuple[int, ...]) -> Array:
    return _apart(key, lambda: jnp.stack(_numbered(key, shape), axis=-1))


def _fold_in(key: Array, number: int) -> Array:
    low = jnp.asarray(number).astype(jnp.uint32)
    return _apart(key, lambda: jnp.stack(_block(key, jnp.zeros_like(low), low)))


THREEFRY = define_prng_impl(
    key_shape=(2,),
    seed=threefry_prng_impl.seed,
    split=_split,
    random_bits=_random_bits,
    fold_in=_fold_in,
    name="ceas_threefry2x32",
    tag="ceas",
)
