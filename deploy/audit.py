"""Look for known vulnerabilities in what the lock files install; exit code 1 names them.

The floors of deploy/security-floors.txt are compared everywhere. pip-audit then asks the index of packages
for advisories; where there are none to be had (a mirror, no network), it says so, and the floors count.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ROOT / "deploy" / "security-floors.txt"
LOCK_FILES = ("requirements.lock", "requirements-dev.lock", "requirements-bench.lock")
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)", re.MULTILINE)
AUDIT = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--format=json"]
AUDIT += ["--progress-spinner=off", "--timeout=10", "--requirement"]


def floors(text: str) -> list[Requirement]:
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [Requirement(line) for line in lines if line]


def below_floor(lock: str, wanted: list[Requirement]) -> list[str]:
    """Return a line for each pin of a lock file that its floor does not allow."""
    by_name = {floor.name: floor.specifier for floor in wanted}
    return [
        f"{name} {version} has a known vulnerability: {name}{by_name[name]} is needed."
        for name, version in PIN.findall(lock)
        if name in by_name and not by_name[name].contains(version, prereleases=True)
    ]


def known_vulnerabilities(lock: Path) -> list[str] | None:
    """Return a line for each advisory, or None where advisories cannot be had."""
    done = subprocess.run(
        [*AUDIT, str(lock)], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        return None
    if all("skip_reason" in package for package in packages):
        return None
    return [
        f"{package['name']} {package['version']}: {advisory['id']}, mended in "
        f"{', '.join(advisory['fix_versions']) or 'no version yet'}."
        for package in packages
        for advisory in package.get("vulns", ())
    ]


def main() -> int:
    wanted = floors(FLOORS.read_text())
    found = [
        f"{name}: {line}"
        for name in LOCK_FILES
        for line in below_floor((ROOT / name).read_text(), wanted)
    ]
    advisories = known_vulnerabilities(ROOT / "requirements.lock")
    if advisories is None:
        print("Advisories cannot be looked up from here; the floors were compared.")
    found += advisories or []
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
