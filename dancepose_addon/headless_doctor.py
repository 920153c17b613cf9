# SPDX-License-Identifier: GPL-3.0-or-later
"""``render.py doctor``: what works in this Blender, as the preferences' Check button says it."""

import argparse
from collections.abc import Sequence
from pathlib import Path
import tempfile

from .blender import console
from .blender.render.engines import PROBE_TIMEOUT_S
from .blender.self_check import check_blender
from .core.checklist import BAD, report_of
from .inference import check_runtime, use_environment


def main(argv: Sequence[str]) -> int:
    """Print the report; returns 0, or 1 where something does not work."""
    parser = argparse.ArgumentParser(prog="render.py doctor", description="Say what works here.")
    parser.add_argument("--body", type=Path, help="SMPL-format body to look at, instead of the one shipped")
    parser.add_argument("--regressors", type=Path, help="folder with regressors of your own")
    parser.add_argument("--environment", type=Path, help="Python environment whose onnxruntime is used")
    parser.add_argument("--engine-timeout", type=float, default=PROBE_TIMEOUT_S, help="seconds for an engine's test")
    arguments = parser.parse_args(list(argv))
    if arguments.environment is not None:
        use_environment(arguments.environment)
    with tempfile.TemporaryDirectory() as folder, console.redirect_output(Path(folder) / "log") as stream:
        checks = [
            *check_blender(
                {"temporary": Path(tempfile.gettempdir()), "this folder": Path.cwd()},
                timeout_s=arguments.engine_timeout,
            ),
            *check_runtime(arguments.body, arguments.regressors),
        ]
        print(report_of(checks), file=stream, flush=True)
    return 1 if any(check.state == BAD for check in checks) else 0
