"""Hardware presets: their figures against the sources, and what wins over them."""

from pathlib import Path

import jax
import pytest
from helpers.refusals import refusal

from ceas_agents import catalogue
from ceas_gym import config
from ceas_gym.config.keys import SECTIONS
from ceas_gym.physics import heralding
from ceas_gym.scenario import HardwareSettings, Scenario
from ceas_gym.scenario.presets import ABOUT, PRESETS

FIELDS = list(HardwareSettings.model_fields)[1:]


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes my.yaml in what is then the working directory."""
    monkeypatch.chdir(tmp_path)

    def write(text: str) -> str:
        Path("my.yaml").write_text(text)
        return "my.yaml"

    return write


# --- Figures ---


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_has_a_sourced_figure_for_every_setting(preset):
    assert list(PRESETS[preset]) == FIELDS
    for figure in PRESETS[preset].values():
        assert any(
            word in figure.source
            for word in (
                "arXiv",
                "assumption",
                "NetSquid",
                "explicit only",
                "t1_t2 or a model of your own",
                "the set",
            )
        )
    assert ABOUT.keys() == PRESETS.keys()


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_what_settings_of_its_name_hold(preset):
    settings = HardwareSettings(preset=preset).model_dump()
    assert settings.pop("preset") == preset
    assert settings == {name: figure.value for name, figure in PRESETS[preset].items()}


def test_the_default_is_custom():
    assert HardwareSettings() == HardwareSettings(preset="custom") == Scenario().hardware


@pytest.mark.parametrize(
    ("preset", "figures"),
    [
        # The parameter files of squidasm, in their own terms where they differ.
        (
            "trapped_ion",
            {
                "hub_coherence_s": 85e-3,
                "gate_contraction": 1 - 0.1,
                "attempt_overhead_s": 36e-6 + 26.6e-6,
                "device_efficiency": 0.111,
                "visibility": 0.89,
                "dark_probability": 1.4e-5,
                "single_qubit_gate_s": 26_600e-9,
                "two_qubit_gate_s": 107_000e-9,
                "readout_s": 1_500_000e-9,
            },
        ),
        (
            "nv_centre",
            {
                "hub_coherence_s": 1.0,
                "gate_contraction": 1 - 0.06,
                "readout": 1 - (0.07 + 0.005) / 2,
                "device_efficiency": 5.1e-4,
                "visibility": 0.9,
                "dark_probability": 1.5e-7,
                "attempt_overhead_s": 5.5e-6,
                "single_qubit_gate_s": 20_000e-9,
                "two_qubit_gate_s": 500_000e-9,
                "readout_s": 3_700e-9,
                "readout_qubits": 1,
            },
        ),
        # A fidelity of 0.9997 averaged over pure states of two qubits.
        (
            "custom",
            {
                "gate_contraction": (4 * 0.9997 - 1) / 3,
                "readout": 0.99991,
                "two_qubit_gate_s": 2 * 60e-6,
                "readout_s": 145e-6,
                "readout_qubits": 300,
            },
        ),
    ],
)
def test_figures_are_those_of_their_sources(preset, figures):
    settings = HardwareSettings(preset=preset).model_dump()
    assert {name: settings[name] for name in figures} == pytest.approx(figures, rel=1e-12)


@pytest.mark.parametrize(
    ("preset", "probability", "fidelity"),
    [
        ("trapped_ion", 5.821266801846e-03, 0.944331659226),
        ("nv_centre", 1.230723757640e-07, 0.948308997520),
    ],
)
def test_a_kilometre_by_two_clicks_is_that_of_the_parameter_files(preset, probability, fidelity):
    # Computed from the same files by Fock-space simulation.
    hardware = HardwareSettings(preset=preset)
    with jax.enable_x64(True):
        arm = heralding.arm_efficiency(
            1.0, hardware.device_efficiency, hardware.attenuation_db_per_km
        )
        link = heralding.double_click(arm, arm, hardware.dark_probability, hardware.visibility)
    assert [float(value) for value in link] == pytest.approx([probability, fidelity], rel=1e-10)


# --- What wins ---


def test_what_is_given_wins_over_the_preset(write):
    in_python = HardwareSettings(preset="nv_centre", visibility=0.95)
    from_file = config.load(write("hardware: {visibility: 0.95, preset: nv_centre}")).hardware
    assert from_file == in_python
    assert in_python.visibility == 0.95
    assert in_python.device_efficiency == 5.1e-4


def test_a_preset_can_be_made_explicit():
    settings = HardwareSettings(
        preset="nv_centre", scheme="explicit", success_probability=0.1, initial_fidelity=0.9
    )
    assert settings.memory == "dephasing"


def test_an_override_of_the_preset_is_a_complete_set(write):
    path = write("hardware: {preset: trapped_ion, visibility: 0.5, modes: 7}")
    overrides = {"hardware.modes": 3, "hardware.preset": "nv_centre"}
    for base in (path, config.load(path)):
        changed = config.load(base, overrides).hardware
        assert changed == HardwareSettings(preset="nv_centre", modes=3)
    assert config.load(config.load(path)).hardware.modes == 7
    assert config.load(path, {"hardware.preset": "custom"}).hardware == HardwareSettings()


def test_other_overrides_keep_the_preset(write):
    path = write("hardware: {preset: nv_centre}")
    for base in (path, config.load(path)):
        changed = config.load(base, {"hardware.modes": 3}).hardware
        assert changed == HardwareSettings(preset="nv_centre", modes=3)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_scenario_with_a_preset_reads_back(write, preset):
    scenario = config.load("tiny", {"hardware.preset": preset, "hardware.visibility": 0.7})
    assert config.load(write(config.dump(scenario))) == scenario


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hardware: 5", "my.yaml: hardware must be a mapping of settings, but is 5"),
        (
            "hardware: {vizibility: 1}",
            "my.yaml: hardware.vizibility is not a setting; did you mean hardware.visibility?",
        ),
    ],
)
def test_an_override_of_the_preset_hides_no_mistake(write, text, message):
    assert refusal(write(text), {"hardware.preset": "nv_centre"}) == message


@pytest.mark.parametrize(
    ("preset", "message"),
    [
        (
            "nv_center",
            "scenario tiny with overrides: hardware.preset 'nv_center' is unknown; "
            "did you mean nv_centre?",
        ),
        (
            "transmon",
            "scenario tiny with overrides: hardware.preset 'transmon' is unknown; "
            "known: custom, nv_centre, trapped_ion",
        ),
        (5, "overrides: hardware.preset must be text, but is 5"),
    ],
)
def test_an_unknown_preset_is_refused_in_these_words(preset, message):
    assert refusal("tiny", {"hardware.preset": preset}) == message


# --- Listing ---


def test_the_catalogue_names_the_presets():
    assert catalogue.catalogue()["hardware"].keys() == PRESETS.keys()
    assert SECTIONS["hardware"] is HardwareSettings


def test_the_listing_of_hardware_has_every_figure_and_its_source():
    text = catalogue.text("hardware")
    assert max(map(len, text.splitlines())) <= 100
    for preset, block in zip(PRESETS, text.split("\n\n"), strict=True):
        assert block.startswith(f"{preset}: ")
        words = " ".join(block.split())
        for name, figure in PRESETS[preset].items():
            shown = "null" if figure.value is None else str(figure.value).removesuffix(".0")
            assert f" {name} {shown} {figure.source}" in words
