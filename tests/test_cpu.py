"""What Linux says of the CPU, and its leave to use matrix tiles."""

import subprocess
import sys

import pytest

from scorer.network import cpu


@pytest.fixture
def cpu_info(tmp_path, monkeypatch):
    """Have the CPU say so many flags."""

    def says(flags: str) -> None:
        file = tmp_path / "cpuinfo"
        file.write_text(f"processor\t: 0\nflags\t\t: {flags}\nprocessor\t: 1\n", encoding="utf-8")
        monkeypatch.setattr(cpu, "CPU_INFO", file)

    return says


def test_flags_are_those_of_the_first_processor(cpu_info):
    cpu_info("fpu avx2 fma")
    assert cpu.cpu_flags() == {"fpu", "avx2", "fma"}


def test_elsewhere_nothing_is_known_of_the_cpu(tmp_path, monkeypatch):
    monkeypatch.setattr(cpu, "CPU_INFO", tmp_path / "none")
    assert cpu.cpu_flags() == set()


@pytest.mark.parametrize("may", [True, False])
def test_matrix_tiles_are_there_where_the_system_lets_them_be_used(cpu_info, monkeypatch, may):
    cpu_info("avx512_vnni amx_tile amx_int8")
    monkeypatch.setattr(cpu, "_may_use_tiles", lambda: may)
    assert ("amx_tile" in cpu.cpu_flags()) == may
    assert {"avx512_vnni", "amx_int8"} <= cpu.cpu_flags()


def test_a_system_that_does_not_know_them_refuses(cpu_info):
    """In a process of its own: the kernel is asked once, for good. It has no feature 63."""
    program = "from scorer.network import cpu; cpu.TILE_DATA = 63; print(cpu._may_use_tiles())"
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout == "False\n"
