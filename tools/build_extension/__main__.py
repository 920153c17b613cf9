# SPDX-License-Identifier: Apache-2.0
"""Build the Blender extension: one zip per platform with onnxruntime, a slim zip without it, and an index.

Run ``python -m tools.build_extension --help`` for the options.
"""

import argparse
from pathlib import Path
import sys

from dancepose_addon.core.errors import DancePoseError

from .blender_tool import find_tool
from .building import INDEX_FILES, VARIANTS, build_packages


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.build_extension", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("dist"), help="folder for the zips and the index")
    parser.add_argument(
        "--only", action="append", choices=VARIANTS, metavar="VARIANT",
        help=f"build only this zip (repeatable): {', '.join(VARIANTS)}",
    )  # fmt: skip
    parser.add_argument(
        "--blender", type=Path, help="Blender executable whose extension tool is used instead of the bpy wheel's"
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Build the packages and list them.

    Returns:
        The exit code: 0 if everything was built, 1 after an expected failure.
    """
    given = parse(arguments)
    try:
        built = build_packages(
            given.out,
            tool=find_tool(given.blender),
            variants=[variant for variant in VARIANTS if variant in given.only] if given.only else VARIANTS,
            progress=lambda share, message: print(f"{share:5.0%} {message}", file=sys.stderr),
        )
    except DancePoseError as error:
        print(f"build_extension: {error}", file=sys.stderr)
        return 1
    print(f"{'zip':60} {'MB':>6} {'of which wheels':>16}")
    for entry in built:
        print(f"{entry.path!s:60} {entry.size_bytes / 1e6:6.1f} {entry.wheel_bytes / 1e6:16.1f}")
    for name in INDEX_FILES:
        if (given.out / name).is_file():
            print(given.out / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
