"""The build of the wheel: maturin's, with the supervisor executable beside the extension module.

Tasks of a local agent are children of that executable, which has to come with the package. It is
a program of another crate, so cargo builds it first and maturin packs it.

The variable TAMIAS_PROFILE names the cargo profile of both, ``release`` if it is not set.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import maturin
from maturin import (  # noqa: F401  # what a build backend has to have
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
)

HERE = Path(__file__).parent
NAME = "tamias-supervisor"
PROFILE = os.environ.get("TAMIAS_PROFILE") or "release"


def _put_supervisor() -> None:
    """Builds the executable and copies it into the package."""
    cargo = shutil.which("cargo") or "cargo"
    build = [cargo, "build", "--quiet", "--profile", PROFILE, "--package", "tamias-agent"]
    subprocess.run([*build, "--bin", NAME], cwd=HERE, check=True)
    metadata = [cargo, "metadata", "--format-version", "1", "--no-deps"]
    answer = subprocess.run(metadata, cwd=HERE, check=True, stdout=subprocess.PIPE)
    folder = "debug" if PROFILE == "dev" else PROFILE
    built = Path(json.loads(answer.stdout)["target_directory"], folder, NAME)
    # A fresh file: one that runs cannot be written to, but it can be replaced.
    fresh = HERE / "tamias" / f".{NAME}.new"
    shutil.copy(built, fresh)
    fresh.chmod(0o755)
    fresh.replace(HERE / "tamias" / NAME)


def _with_profile(config_settings):
    return {"build-args": f"--profile {PROFILE}", **(config_settings or {})}


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """Builds the wheel."""
    _put_supervisor()
    return maturin.build_wheel(wheel_directory, _with_profile(config_settings), metadata_directory)


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    """Builds the package for use from the checkout."""
    _put_supervisor()
    return maturin.build_editable(
        wheel_directory, _with_profile(config_settings), metadata_directory
    )


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    """Writes the metadata of the wheel."""
    return maturin.prepare_metadata_for_build_wheel(metadata_directory, config_settings)


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel
