"""The fields GF(2^t), compared with their axioms, published values and enumeration."""

import functools
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceas_gym.consensus.committee import galois

AES, GCM = 0x11B, 1 << 128 | 0x87
IN_THE_SHEET = (45, 68, 69, 71, 74, 86, 141)
"""Lengths of tags in bits, which `test_authentication` uses too."""
few = settings(derandomize=True, deadline=None, max_examples=60)
degrees = st.sampled_from((8, 64, *IN_THE_SHEET))
fields = degrees.flatmap(
    lambda t: st.tuples(st.just(t), *[st.integers(0, 2**t - 1) for _ in range(3)])
)


def digits(number: int) -> list[int]:
    """Returns the coefficients of a polynomial, that of the highest power first."""
    return [int(bit) for bit in f"{number:b}"]


def value(coefficients: np.ndarray) -> int:
    return int("".join(str(int(one) % 2) for one in coefficients), 2)


def product(one: int, other: int) -> int:
    """Returns the product of two polynomials over GF(2): the integer product, modulo 2."""
    return value(np.convolve(digits(one), digits(other)))


def remainder(dividend: int, divisor: int) -> int:
    """Returns the remainder of long division, one digit at a time."""
    rest, by = digits(dividend), digits(divisor)
    for start in range(len(rest) - len(by) + 1):
        if rest[start]:
            for place, bit in enumerate(by):
                rest[start + place] ^= bit
    return value(np.array(rest))


# --- The field ---


def test_products_of_the_standard() -> None:
    # FIPS 197, section 4.2.
    assert galois.multiply(0x57, 0x83, AES) == 0xC1
    assert galois.multiply(0x57, 0x13, AES) == 0xFE


@pytest.mark.parametrize("degree", range(1, 5))
def test_field_axioms_of_all_elements(degree: int) -> None:
    modulus, elements = galois.irreducible(degree), range(2**degree)
    times = functools.partial(galois.multiply, modulus=modulus)
    table = np.array([[times(a, b) for b in elements] for a in elements])
    assert (table == table.T).all()
    assert table[1].tolist() == list(elements)
    assert not table[0].any()
    # Every row but that of 0 contains each element once, so each element but 0 has an inverse.
    assert (np.sort(table[1:], axis=1) == np.array(elements)).all()
    for a, b, c in itertools.product(elements, repeat=3):
        assert table[table[a, b], c] == table[a, table[b, c]]
        assert table[a, b ^ c] == table[a, b] ^ table[a, c]


@few
@given(fields)
def test_field_axioms_of_some_elements(case: tuple[int, int, int, int]) -> None:
    degree, a, b, c = case
    times = functools.partial(galois.multiply, modulus=galois.irreducible(degree))
    assert times(a, b) == times(b, a) < 2**degree
    assert times(times(a, b), c) == times(a, times(b, c))
    assert times(a, b ^ c) == times(a, b) ^ times(a, c)
    # a^(2^t) = a: the inverse of any a but 0 is a^(2^t - 2).
    assert functools.reduce(lambda power, _: times(power, power), range(degree), a) == a


@few
@given(fields)
def test_multiplication_is_that_of_polynomials(case: tuple[int, int, int, int]) -> None:
    degree, a, b, _ = case
    modulus = galois.irreducible(degree)
    assert galois.multiply(a, b, modulus) == remainder(product(a, b), modulus)


# --- Polynomials over the field ---


@few
@given(fields, st.integers(1, 6))
def test_evaluation_is_the_sum_of_powers(case: tuple[int, int, int, int], length: int) -> None:
    degree, point, *coefficients = case
    modulus, total, power = galois.irreducible(degree), 0, 1
    terms = (coefficients * 3)[:length]
    for coefficient in terms:
        power = remainder(product(power, point), modulus)
        total ^= remainder(product(coefficient, power), modulus)
    assert galois.evaluate(terms, point, modulus) == total


def test_evaluation_is_the_hash_of_galois_counter_mode() -> None:
    # McGrew and Viega, The Galois/Counter Mode of Operation, test case 2. The order
    # of bits in a block is reversed there, and the first block has the highest power.
    def element(text: str) -> int:
        return int(f"{int(text, 16):0128b}"[::-1], 2)

    point = element("66e94bd4ef8a2c3b884cfa59ca342b2e")
    text, length = element("0388dace60b6a392f328c2b971b2fe78"), element(f"{0x80:032x}")
    expected = element("f38cbb1ad69223dcc3457ae5b6b0f885")
    assert galois.evaluate([length, text], point, GCM) == expected


def test_worst_collision_count_of_three_blocks_in_32_elements_is_3() -> None:
    elements, modulus = np.arange(32), galois.irreducible(5)
    table = np.array([[galois.multiply(a, b, modulus) for b in range(32)] for a in range(32)])
    square = table[elements, elements]
    cube = table[square, elements]
    one, two, three = (
        np.moveaxis(table[:, power][..., None, None], 0, place)
        for place, power in ((1, elements), (2, square), (3, cube))
    )
    # Difference of the hashes of two messages, by point and by the difference of their blocks.
    hashes = (one ^ two ^ three).reshape(32, -1)
    assert hashes[7, 5 * 1024 + 9 * 32 + 30] == galois.evaluate([5, 9, 30], 7, modulus)
    differences = np.arange(hashes.shape[1])
    counts = np.bincount((differences * 32 + hashes).ravel(), minlength=32**4).reshape(-1, 32)
    assert counts[0].tolist() == [32] + [0] * 31
    assert counts[1:].max() == 3


# --- Irreducible polynomials ---


def is_irreducible_by_rabin(polynomial: int) -> bool:
    """Returns whether x^(2^t) = x and x^(2^(t/p)) - x has no common factor for any prime p of t.

    Source:
        Rabin, SIAM J. Comput. 9, 273 (1980).
    """
    degree, power, powers = polynomial.bit_length() - 1, 2, [2]
    for _ in range(degree):
        power = remainder(int(f"{power:b}", 4), polynomial)  # Squaring spreads the bits.
        powers.append(power)
    primes = [
        p for p in range(2, degree + 1) if degree % p == 0 and all(p % q for q in range(2, p))
    ]
    coprime = all(common_factor(polynomial, powers[degree // p] ^ 2) == 1 for p in primes)
    return power == 2 and coprime


def common_factor(one: int, other: int) -> int:
    while other:
        one, other = other, remainder(one, other)
    return one


def test_irreducible_polynomials_are_those_that_no_product_makes() -> None:
    products = {product(a, b) for a in range(2, 256) for b in range(2, 512) if a * b < 2**11}
    found = [p for p in range(512) if galois.is_irreducible(p)]
    assert found == [p for p in range(2, 512) if p not in products]


def test_number_of_irreducible_polynomials() -> None:
    # (1/t) times the sum of mu(d) 2^(t/d) over the divisors of t; OEIS A001037.
    numbers = [sum(map(galois.is_irreducible, range(2**t, 2 ** (t + 1)))) for t in range(1, 11)]
    assert numbers == [2, 1, 2, 3, 6, 9, 18, 30, 56, 99]


@pytest.mark.parametrize(
    ("degree", "rest"),
    [(2, 0b11), (3, 0b11), (8, 0x1B), (16, 0x2B), (32, 0x8D), (64, 0x1B), (128, 0x87)],
)
def test_known_irreducible_polynomials(degree: int, rest: int) -> None:
    # Degree 8 is that of AES, 128 that of the Galois/Counter Mode.
    assert galois.irreducible(degree) == 1 << degree | rest


@pytest.mark.parametrize("degree", [*range(2, 33), *IN_THE_SHEET])
def test_found_polynomials_pass_rabins_test(degree: int) -> None:
    polynomial = galois.irreducible(degree)
    assert polynomial.bit_length() == degree + 1
    assert is_irreducible_by_rabin(polynomial)


@pytest.mark.parametrize(("one", "other"), [(31, 33), (32, 32), (2, 62), (8, 133)])
def test_products_of_two_are_not_irreducible(one: int, other: int) -> None:
    both = product(galois.irreducible(one), galois.irreducible(other))
    assert not galois.is_irreducible(both)
    assert not is_irreducible_by_rabin(both)


@pytest.mark.parametrize("degree", [0, -3])
def test_degree_must_be_positive(degree: int) -> None:
    with pytest.raises(ValueError, match=f"`degree` must be at least 1, but is {degree}"):
        galois.irreducible(degree)
